"""Two runs: the same, or different for a reason that is named: code, params, data, environment, in that order."""

import json

import pytest
from tests.pipeline.project import Project
from tests.replay.small import contents, run_command, run_ids

from resnetbk.commands import explain as command
from resnetbk.replay.errors import NotCheckable
from resnetbk.replay.explain import explain


def edit(run, name, change):
    path = run.folder / name
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def other_result(run):
    """Let a run have come out otherwise, from its first logged step on."""
    path = run.folder / "history.jsonl"
    path.write_text(path.read_text().replace('"loss": ', '"loss": 1', 1))
    edit(run, "manifest.json", lambda manifest: manifest.update(final_weights="0" * 64))


def code(run):
    edit(
        run, "manifest.json", lambda manifest: manifest["code"].update({"src/resnetbk/models/mamba.py": "0" * 64})
    )


def params(run):
    path = run.folder / "params.yaml"
    path.write_text(path.read_text().replace("warmup_steps: 2", "warmup_steps: 3"))


def data(run):
    edit(run, "card.json", lambda card: card["splits"]["train"].update(tokens_sha256="0" * 64))


def environment(run):
    edit(run, "provenance/train.json", lambda record: record["provenance"]["packages"].update(torch="1.0"))


CAUSES = {
    code: ("code", "src/resnetbk/models/mamba.py: changed (imported by train)"),
    params: ("params", "train.warmup_steps: 2 and 3"),
    data: ("data", "card.json.splits.train.tokens_sha256"),
    environment: ("environment", "packages.torch: 2"),
}


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.__name__)
def test_the_one_cause_is_named(mamba, again, cause):
    other_result(again)
    cause(again)
    kind, told = CAUSES[cause]
    explanation = explain(mamba, again)
    assert explanation.first_cause == kind
    assert [found.kind for found in explanation.causes if found.differences] == [kind]
    assert f"First cause: {kind}\n" in str(explanation)
    assert told in str(explanation)
    assert "The results differ, first in history.jsonl step 2 loss: " in str(explanation)


def test_of_several_causes_the_first_is_named_and_all_are_listed(mamba, again):
    other_result(again)
    for cause in (environment, data, params):
        cause(again)
    explanation = explain(mamba, again)
    assert explanation.first_cause == "params"
    text = str(explanation)
    places = [text.index(f"\n{kind}: ") for kind in ("code", "params", "data", "environment")]
    assert places == sorted(places)
    assert "\ncode: nothing differs" in text
    assert all(told in text for kind, told in CAUSES.values() if kind != "code")


def test_the_same_run_is_identical(mamba, again):
    text = str(explain(mamba, again))
    assert "The results are identical.\n" in text
    assert text.count("nothing differs") == 4


def test_a_cause_without_effect_is_told_as_such(mamba, again):
    code(again)
    assert "The results are identical, although their code differs." in str(explain(mamba, again))


def test_other_results_without_a_cause_are_no_proof_of_anything(mamba, again):
    other_result(again)
    explanation = explain(mamba, again)
    assert explanation.first_cause is None
    assert "none that was recorded. The training is not deterministic, or" in str(explanation)


def test_params_that_a_cell_does_not_read_are_no_cause(mamba, again):
    path = again.folder / "params.yaml"
    path.write_text(path.read_text().replace("hybrid_gradient: 0.0", "hybrid_gradient: 0.5"))
    assert str(explain(mamba, again)).count("nothing differs") == 4


def test_two_models_differ_in_code_and_params(artifacts):
    explanation = explain(artifacts["resnet_bk-0"], artifacts["mamba-0"])
    _, params, data, _ = explanation.causes
    assert explanation.first_cause == "code"
    assert "src/resnetbk/models/mamba.py: only in B (imported by train)" in str(explanation)
    assert "model: resnet_bk and mamba" in [str(difference) for difference in params.differences]
    assert data.differences == []


def test_damaged_params_are_an_error(mamba, again):
    (again.folder / "params.yaml").write_text("train: [")
    with pytest.raises(NotCheckable, match=r"its params\.yaml is damaged"):
        explain(mamba, again)


def test_exit_codes_are_those_of_diff(project):
    before, runs = contents(project), run_ids(project)
    assert run_command(command, project, runs["mamba-0"], runs["mamba-0"])[0] == 0
    assert run_command(command, project, runs["mamba-0"], runs["resnet_bk-0"])[0] == 1
    code, output = run_command(command, project, runs["mamba-0"], "0123456789")
    assert (code, "has no run 0123456789" in output) == (2, True)
    assert contents(project) == before


NUDGE = '''

class Nudge(torch.autograd.Function):
    """The identity, whose fifth backward is one unit in the last place off."""

    calls = 0

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        Nudge.calls += 1
        up = torch.nextafter(gradient, gradient.new_tensor(torch.inf))
        return torch.where((gradient != 0) & torch.tensor(Nudge.calls == 5), up, gradient)
'''


@pytest.mark.nightly
def test_bisect_finds_the_backward_that_an_uncommitted_change_moved_by_one_unit_at_step_5(project, tmp_path):
    root = Project(project).copied(tmp_path / "nudged").path
    first = run_ids(root)["mamba-0"]
    model, inputs = root / "src/resnetbk/models/mamba.py", "x_BNE, gate_BNE = self._inputs(hidden_states)\n"
    text = model.read_text()
    assert inputs in text
    nudged = text.replace(inputs, inputs.replace("hidden_states", "Nudge.apply(hidden_states)"), 1)
    model.write_text(nudged + NUDGE)
    Project(root).run("dvc repro -s audit@mamba train@mamba-0 evaluate@mamba-0 track")
    second = run_ids(root)["mamba-0"]  # the later of that name
    assert first != second
    before = contents(root)
    code, output = run_command(command, root, first, second, "--bisect")
    assert code == 1, output
    assert "First cause: code" in output
    assert "src/resnetbk/models/mamba.py: changed (imported by train)" in output
    last = output.splitlines()[-1]
    assert last.startswith("They part at step 5, backward: "), output
    assert "gradient of the input of backbone.layers.0.mixer" in last
    assert "1 unit in the last place" in last
    assert contents(root) == before
