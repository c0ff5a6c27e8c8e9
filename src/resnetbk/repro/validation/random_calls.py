"""What draws random numbers from a generator that nobody seeded, found in the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnetbk.repro.validation.project import Project
from resnetbk.repro.validation.source import Call, Code, Scope

PYTHON = frozenset(
    "random randint randrange randbytes getrandbits choice choices shuffle sample uniform triangular betavariate "
    "binomialvariate expovariate gammavariate gauss lognormvariate normalvariate vonmisesvariate paretovariate "
    "weibullvariate".split()
)
NUMPY_NO_DRAWS = frozenset("default_rng get_state set_state get_bit_generator set_bit_generator seed".split())
TORCH = frozenset(
    "rand randn randint randperm rand_like randn_like randint_like normal bernoulli multinomial poisson".split()
)
TORCH_IN_PLACE = frozenset(
    "normal_ uniform_ bernoulli_ random_ exponential_ cauchy_ geometric_ log_normal_ trunc_normal_ xavier_normal_ "
    "xavier_uniform_ kaiming_normal_ kaiming_uniform_ orthogonal_ sparse_".split()
)
NUMPY_BITS = frozenset("RandomState SeedSequence MT19937 PCG64 PCG64DXSM Philox SFC64 default_rng".split())
EVERY_FAMILY = frozenset({"set_global_seed", "SeedContext", "seed_generators"})
SEEDING = {
    "random.seed": "random",
    "numpy.random.seed": "numpy",
    "torch.manual_seed": "torch",
    "torch.random.manual_seed": "torch",
    "torch.default_generator.manual_seed": "torch",
}
BUILDING = frozenset({"__init__", "reset_parameters"})


def from_toolkit(dotted: str, names: frozenset[str]) -> bool:
    """Return whether a full name is one of the toolkit's, from whichever of its modules it was imported."""
    return dotted.startswith("resnetbk.repro.") and dotted.rpartition(".")[2] in names


def is_generator(call: Call) -> bool:
    """Return whether a call makes a generator of its own, or seeds one that it holds."""
    module, _, name = call.dotted.rpartition(".")
    own = (module == "numpy.random" and name in NUMPY_BITS) or call.dotted == "random.Random"
    return own or call.last == "manual_seed" or call.dotted in ("jax.random.key", "jax.random.PRNGKey")


def seeds(call: Call) -> frozenset[str]:
    """Return which global generators a call seeds: some of random, numpy and torch."""
    if from_toolkit(call.dotted, EVERY_FAMILY):
        return frozenset({"random", "numpy", "torch"})
    return frozenset({SEEDING[call.dotted]} if call.dotted in SEEDING else ())


def _drawn_from(call: Call) -> str | None:
    """Return the global generator that a call draws from, None when it draws from none."""
    module, _, name = call.dotted.rpartition(".")
    if any(keyword.arg in ("generator", "rng") for keyword in call.node.keywords):
        return None
    if module == "random" and name in PYTHON:
        return "random"
    if module == "numpy.random" and name.islower() and name not in NUMPY_NO_DRAWS:
        return "numpy"
    if (module == "torch" and name in TORCH) or call.last in TORCH_IN_PLACE:
        return "torch"
    shuffles = any(
        keyword.arg == "shuffle" and isinstance(keyword.value, ast.Constant) and keyword.value.value
        for keyword in call.node.keywords
    )
    if call.dotted == "torch.utils.data.random_split" or (call.last == "DataLoader" and shuffles):
        return "torch"
    return None


def unseeded_draws(project: Project) -> list[str]:
    """Name every draw from a global generator that nothing seeded before, and every generator without a seed.

    A draw is taken as seeded when the seeding stands above it in its function, or above each call of its function,
    and so on. The weights that a torch module draws as it is made (`__init__`, `reset_parameters`) belong to
    whoever makes it, often by a name read from params.yaml; they are left to the check of the seed.
    """
    code = project.code
    restored = {id(call.node.func.value) for call in code.calls if call.last in ("setstate", "set_state")}
    calls = (call for call in code.calls if id(call.node) not in restored)
    return [problem for call in calls for problem in _problems(code, call)]


def _problems(code: Code, call: Call) -> Iterator[str]:
    shown = ast.unparse(call.node.func)
    family = _drawn_from(call)
    if family and not _seeded(code, call, family, set()):
        yield f"{call.place}: {shown} draws from the global generator of {family}, which nothing seeds before"
    arguments = [argument for argument in call.node.args if not _is_none(argument)] + call.node.keywords
    if call.dotted == "random.SystemRandom" or call.dotted in ("torch.seed", "torch.random.seed"):
        yield f"{call.place}: {shown} takes its seed from the operating system"
    elif is_generator(call) and not arguments:
        yield f"{call.place}: {shown}() without a seed takes one from the operating system"


def _seeded(code: Code, draw: Call, family: str, seen: set[Scope]) -> bool:
    """Return whether a seeding comes before a call: in its function, or before each call of that function."""
    scope = draw.scope
    before = (call for call in code.calls if call.scope is scope and call.node.lineno < draw.node.lineno)
    if scope in seen or any(family in seeds(call) for call in before):
        return True
    if scope.node is None:
        return False
    if family == "torch" and scope.node.name in BUILDING:
        return True
    callers = code.calls_of(scope)
    return bool(callers) and all(_seeded(code, caller, family, seen | {scope}) for caller in callers)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
