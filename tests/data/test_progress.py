from resnetbk.data import progress as module
from resnetbk.data.progress import progress


def test_plain_lines_and_not_too_many(capsys, monkeypatch):
    with progress("reading", "documents", total=10) as advance:
        for _ in range(10):
            advance(1)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0)
    with progress("reading", "documents", total=2000, done=1000) as advance:
        advance(500)
    assert capsys.readouterr().err == "reading: 1,500 of 2,000 documents\n"


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress("reading", "documents", total=2) as advance:
        advance(2)
    assert "2/2" in capsys.readouterr().err
