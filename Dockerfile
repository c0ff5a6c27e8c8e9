FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends make git && rm -rf /var/lib/apt/lists/*
WORKDIR /resnetbk
COPY requirements.lock pyproject.toml Makefile ./
COPY src/resnetbk/__init__.py src/resnetbk/__init__.py
COPY README.md ./
# The layer of packages is made again only when the lock changes.
RUN make setup
COPY . .
RUN git config --global --add safe.directory "*"
CMD ["make", "reproduce"]
