"""Makes `import torchvision` work beside a torch that it was not built for.

torchvision's compiled half fits one build of torch only: the wheels of one index beside the torch of another fail with
"operator torchvision::nms does not exist" while the module is being imported. The packages that need torchvision here
use its transforms and layers, not its compiled operators, so declaring the two operators that the import looks for is
enough. Where the two builds fit, nothing is done.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

_OPERATORS = ("nms", "qnms")
# Torch keeps declared operators only as long as the library object that declared them lives.
_declared: list[Any] = []


def ensure_torchvision() -> None:
    """Import torchvision, declaring its operators first where its own library does not load."""
    if "torchvision" in sys.modules:
        return
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        # The half-imported modules would be taken for whole ones.
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        _declare()
        importlib.import_module("torchvision")


def _declare() -> None:
    import torch

    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in _OPERATORS:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)
