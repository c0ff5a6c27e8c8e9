"""What lies in a repository's stores and is needed by no commit, no experiment and not by the working tree."""
