"""Presets: named overlays of params.yaml, `presets/<name>.yaml`, each of which may extend another.

Every preset rests on `base`, the default: it names all that any of them changes, so that a preset means the same
after any other and `base` undoes them all. Import is light (no torch); `check` alone builds models.
"""

from resnetbk.presets.files import DIRECTORY, load, preset_names
from resnetbk.presets.overlay import matching, overlaid
from resnetbk.presets.text import diff, list_presets, show, use

__all__ = [
    "DIRECTORY",
    "diff",
    "list_presets",
    "load",
    "matching",
    "overlaid",
    "preset_names",
    "show",
    "use",
]
