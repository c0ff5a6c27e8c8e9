"""Small configurations of every family and option, for the tests of models."""

from resnetbk.params import Mamba, ResNetBK, Transformer

VOCABULARY = 64
BUDGET = 60_000


def resnet_bk(**changes) -> ResNetBK:
    fields = {
        "family": "resnet_bk",
        "layers": 2,
        "mixer": "propagator",
        "heads": 4,
        "energies": 1,
        "eta": 1e-3,
        "convolution": 4,
        "ffn": {"kind": "none"},
        "hybrid_gradient": 0.0,
    }
    return ResNetBK(**{**fields, **changes})


def mixture(**changes) -> dict:
    fields = {"kind": "mixture_of_experts", "ratio": 1.0, "experts": 4, "top_k": 1, "load_balance": 0.01}
    return {**fields, **changes}


def mamba(**changes) -> Mamba:
    fields = {"family": "mamba", "layers": 2, "state_size": 4, "convolution": 4, "expand": 2}
    return Mamba(**{**fields, **changes})


def transformer(**changes) -> Transformer:
    fields = {"family": "transformer", "layers": 2, "heads": 4, "ffn_ratio": 2.5, "rope_theta": 10000.0}
    return Transformer(**{**fields, **changes})


CONFIGS = {
    "propagator": resnet_bk(),
    "propagator_energies": resnet_bk(energies=3),
    "exponential": resnet_bk(mixer="exponential"),
    "exponential_energies": resnet_bk(mixer="exponential", energies=3),
    "diagonal": resnet_bk(mixer="diagonal"),
    "diagonal_energies": resnet_bk(mixer="diagonal", energies=3),
    "dense": resnet_bk(ffn={"kind": "dense", "ratio": 2.0}),
    "experts": resnet_bk(ffn=mixture()),
    "experts_top_2": resnet_bk(ffn=mixture(top_k=2)),
    "hybrid": resnet_bk(hybrid_gradient=0.5),
    "hybrid_diagonal": resnet_bk(mixer="diagonal", hybrid_gradient=0.5),
    "mamba": mamba(),
    "transformer": transformer(),
}
