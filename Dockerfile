FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends make git && rm -rf /var/lib/apt/lists/*
# For every user: the repository may be mounted with another owner.
RUN git config --system --add safe.directory "*"
# No copies of the downloads in the image.
ENV PIP_NO_CACHE_DIR=1
WORKDIR /resnetbk
COPY requirements.lock pyproject.toml Makefile README.md ./
COPY src/resnetbk/__init__.py src/resnetbk/__init__.py
# The layer of packages is made again only when one of these files changes.
RUN make setup
COPY . .
CMD ["make", "reproduce"]
