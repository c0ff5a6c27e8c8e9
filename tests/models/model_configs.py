"""Small configurations of every family and option, for the tests of models."""

from resnetbk.params.models import GPT2, Mamba, Mamba2, ResNetBK, Transformer

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
    fields = {
        "kind": "mixture_of_experts",
        "ratio": 1.0,
        "experts": 4,
        "top_k": 1,
        "router": "linear",
        "load_balance": 0.01,
        "z_loss": 0.001,
        "capacity_factor": None,
    }
    return {**fields, **changes}


def mamba(**changes) -> Mamba:
    fields = {"family": "mamba", "layers": 2, "state_size": 4, "convolution": 4, "expand": 2, "norm": False}
    return Mamba(**{**fields, **changes})


def mamba2(**changes) -> Mamba2:
    fields = {
        "family": "mamba2",
        "layers": 2,
        "state_size": 8,
        "convolution": 4,
        "expand": 2,
        "head_width": 8,
        "groups": 1,
    }
    return Mamba2(**{**fields, **changes})


def transformer(**changes) -> Transformer:
    fields = {"family": "transformer", "layers": 2, "heads": 4, "ffn_ratio": 2.5, "rope_theta": 10000.0}
    return Transformer(**{**fields, **changes})


def gpt2(**changes) -> GPT2:
    fields = {"family": "gpt2", "layers": 2, "heads": 4, "ffn_ratio": 4.0, "context": 48}
    return GPT2(**{**fields, **changes})


CONFIGS = {
    "propagator": resnet_bk(),
    "propagator_energies": resnet_bk(energies=3),
    "exponential": resnet_bk(mixer="exponential"),
    "exponential_energies": resnet_bk(mixer="exponential", energies=3),
    "diagonal": resnet_bk(mixer="diagonal"),
    "diagonal_energies": resnet_bk(mixer="diagonal", energies=3),
    "phase": resnet_bk(mixer="phase", eta=0.3),
    "phase_energies": resnet_bk(mixer="phase", eta=0.3, energies=3),
    "rotation": resnet_bk(mixer="rotation"),
    "rotation_energies": resnet_bk(mixer="rotation", energies=3),
    "scattering": resnet_bk(mixer="scattering", eta=1.0),
    "scattering_energies": resnet_bk(mixer="scattering", eta=1.0, energies=3),
    "signed": resnet_bk(mixer="signed"),
    "signed_energies": resnet_bk(mixer="signed", energies=3),
    "dense": resnet_bk(ffn={"kind": "dense", "ratio": 2.0}),
    "experts": resnet_bk(ffn=mixture()),
    "experts_top_2": resnet_bk(ffn=mixture(top_k=2)),
    "experts_scattering": resnet_bk(ffn=mixture(router="scattering", capacity_factor=1.25)),
    "hybrid": resnet_bk(hybrid_gradient=0.5),
    "hybrid_diagonal": resnet_bk(mixer="diagonal", hybrid_gradient=0.5),
    "mamba": mamba(),
    "mamba_normed": mamba(norm=True),
    "mamba2": mamba2(),
    "mamba2_groups": mamba2(groups=2),
    "transformer": transformer(),
    "gpt2": gpt2(),
}
