"""Which processor paints."""

import torch

from vidstyle.errors import SettingsError

DEVICES = ("auto", "cpu", "cuda", "mps")


def select_device(name: str = "auto") -> torch.device:
    """The device of a name from DEVICES; auto is a GPU where there is one. SettingsError when it is not here."""
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if here[kind]))
    kind, _, index = name.partition(":")
    numbered = kind == "cuda" and index.isdecimal() and int(index) < torch.cuda.device_count()
    if not here.get(kind) or not (numbered or name == kind):
        present = ", ".join(kind for kind, is_here in here.items() if is_here)
        raise SettingsError(f"--device {name} is not on this machine (here: {present}); use one of these or auto")
    return torch.device(name)
