"""Lets the bench of an inference engine be imported alone.

The bench is in the engine's package, whose other modules need packages for GPUs and take a minute to import. The modules
of the bench itself, which send the requests and measure the answers, stay as they are.
"""

import importlib.machinery
import sys
import types


def package(name, parent=None):
    """Imports a package without running its `__init__`; its modules are found as usual."""
    spec = importlib.machinery.PathFinder.find_spec(name, parent.__path__ if parent else None)
    module = types.ModuleType(name)
    module.__path__ = list(spec.submodule_search_locations)
    module.__spec__ = spec
    sys.modules[name] = module
    return module


def stand_in(name, **values):
    """Puts a module in the place of one that needs the engine. It has nothing but these values."""
    module = types.ModuleType(name)
    module.__dict__.update(values)
    sys.modules[name] = module
