"""Draws what a watcher saw, for a terminal or as plain text."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from resnetbk.watch.snapshot import Cell, State, Tree, by_stage

STYLES: dict[State, str] = {"done": "green", "running": "bold cyan", "waiting": "dim"}
NAMED = 4  # cells that wait and are named; the rest is counted


def draw(trees: list[Tree], now: float, *, bars: bool) -> RenderableType:
    """Return the picture.

    **Arguments:** `now`: Unix seconds; `bars`: whether progress is drawn as a bar too, for a terminal.
    """
    return Group(*(part for tree in trees for part in _tree(tree, now, bars)))


def _tree(tree: Tree, now: float, bars: bool) -> Iterator[RenderableType]:
    counts = ", ".join(f"{tree.count(state)} {state}" for state in STYLES)
    yield Text(f"{tree.title}: {counts}", style="bold")
    yield _stages(tree)
    if tree.running():
        yield Text()
        yield _running(tree, now, bars)
        left = tree.trainings_left(now)
        yield Text(f"trainings: {duration(left) + ' left' if left is not None else 'time left not known yet'}")
    elif tree.count("waiting"):
        yield Text("no stage is running just now")
    yield Text()


def _stages(tree: Tree) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("stage", no_wrap=True)
    table.add_column("done", justify="right", no_wrap=True)
    table.add_column("cells")
    for stage, cells in by_stage(tree.cells).items():
        done = [cell for cell in cells if cell.state == "done"]
        style = STYLES["done" if len(done) == len(cells) else "waiting"]
        table.add_row(stage, Text(f"{len(done)}/{len(cells)}", style=style), _words(cells))
    return table


def _words(cells: list[Cell]) -> Text:
    """Name the cells that run, those that wait, and the losses of trainings that are done."""
    text = Text()
    losses = [f"{_item(cell)} {cell.result:.3f}" for cell in cells if cell.result is not None]
    running = [_item(cell) or "yes" for cell in cells if cell.state == "running"]
    waiting = [_item(cell) for cell in cells if cell.state == "waiting" and _item(cell)]
    if len(waiting) > NAMED:
        waiting = [*waiting[:NAMED], f"{len(waiting) - NAMED} more"]
    for label, items, style in (
        ("validation loss", losses, ""),
        ("running", running, STYLES["running"]),
        ("waiting", waiting, STYLES["waiting"]),
    ):
        if items:
            text.append("; " if text else "")
            text.append(f"{label}: {', '.join(items)}", style=style)
    return text


def _running(tree: Tree, now: float, bars: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("running", *(["progress"] * bars), "step", "loss", "validation", "tokens/s", "since", "left"):
        left = name in ("running", "progress")
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    for cell in tree.running():
        training = cell.training
        row: list[RenderableType] = [Text(cell.name, style=STYLES["running"])]
        if bars:
            row.append(ProgressBar(total=training.steps, completed=training.step, width=20) if training else "")
        row += [f"{training.step}/{training.steps}" if training else ""]
        row += [_number(training and training.loss, ".4f"), _number(training and training.validation_loss, ".4f")]
        row += [_number(training and training.tokens_per_second, ",.0f"), duration(now - cell.since)]
        left = training.seconds_left(now) if training else None
        table.add_row(*row, duration(left) if left is not None else "")
    return table


def _item(cell: Cell) -> str:
    return cell.name.partition("@")[2]


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def duration(seconds: float) -> str:
    """Return seconds as m:ss, or h:mm:ss from an hour on."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
