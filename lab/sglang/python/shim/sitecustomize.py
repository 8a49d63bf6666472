"""Loaded by every Python process of an engine at its start.

SGLang's Mooncake sender prepares page indices in one of two ways. The default takes pinned memory and a CUDA event; a
class attribute of the sender selects the other one, which needs no GPU. It can be set only once that module is loaded.
"""

import importlib.machinery
import sys

SENDER_MODULE = "sglang.srt.disaggregation.mooncake.conn"


class SenderFinder(importlib.machinery.PathFinder):
    """Finds that module as usual, and changes the attribute after it has run."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname != SENDER_MODULE:
            return None
        spec = super().find_spec(fullname, path, target)
        if spec is not None:
            run_module = spec.loader.exec_module

            def run_and_select(module):
                run_module(module)
                module.MooncakeKVSender.supports_host_tensor_indices = False

            spec.loader.exec_module = run_and_select
        return spec


sys.meta_path.insert(0, SenderFinder)
