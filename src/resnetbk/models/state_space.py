"""What Mamba and Mamba-2 share around Hugging Face's classes: decoding from a state, and who scans on CUDA."""

from __future__ import annotations

from torch import Tensor, nn
from transformers.utils.import_utils import is_causal_conv1d_available, is_mamba_2_ssm_available

from resnetbk.kernels.selection import chosen
from resnetbk.models.language_model import LanguageModel, State, exempt_from_weight_decay, state_bytes


def official_kernels_apply(hidden_states: Tensor) -> bool:
    """Return whether a mixer leaves its work to Hugging Face's forward and the official CUDA kernels.

    Hugging Face picks the packages `mamba_ssm` and `causal_conv1d` up by itself when they are installed. Without
    both its forward is a loop or a chain of large products in PyTorch, and the project's kernels take its place.
    Whoever chooses an implementation gets it: only under `auto` do the official ones come in.

    **Arguments:** `hidden_states`: the mixer's input.
    """
    return (
        hidden_states.device.type == "cuda"
        and chosen() == "auto"
        and is_mamba_2_ssm_available()
        and is_causal_conv1d_available()
    )


class StateSpaceModel(LanguageModel):
    """A model of Hugging Face's whose mixers' `forward` is ours; it comes before their class among the bases."""

    def adopt_mixers(self, mixer: type[nn.Module]) -> None:
        """Give every mixer that Hugging Face built and initialised the methods of `mixer`, their subclass."""
        for block in self.backbone.layers:
            assert issubclass(mixer, type(block.mixer))
            block.mixer.__class__ = mixer
        exempt_from_weight_decay(self, ("A_log",))

    def initial_state(self, batch: int) -> State:
        return tuple(block.mixer.initial_state(batch) for block in self.backbone.layers)

    def _step(self, tokens_BL: Tensor, state: State) -> tuple[Tensor, State]:
        x_BLE = self.backbone.embeddings(tokens_BL)
        states = []
        for block, past in zip(self.backbone.layers, state, strict=True):
            y_BLE, past = block.mixer.step(block.norm(x_BLE), past)
            x_BLE = x_BLE + y_BLE
            states.append(past)
        return self.lm_head(self.backbone.norm_f(x_BLE)), tuple(states)

    def state_size(self, length: int) -> int:
        """Return the bytes of the scan's and the convolution's state; they do not grow with `length`."""
        return state_bytes(self.initial_state(1))
