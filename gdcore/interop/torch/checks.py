"""Errors for modules and tensors of PyTorch that have no form here; each says what to do."""

from __future__ import annotations

from ...base import checks


def activation_of_modules(activation: object) -> TypeError:
    """Return the error for an activation that is given beside modules, which have their own."""
    return TypeError(f"activation={activation!r} is for a state dict, which does not tell: leave it out")


def no_source(value: object) -> TypeError:
    """Return the error for what is neither a module nor a state dict."""
    return TypeError(f"source must be a torch.nn.Sequential or a state dict, got {checks.short(value)}")


def drops_all(place: str) -> ValueError:
    """Return the error for a dropout of everything."""
    return ValueError(f"module {place}, Dropout(p=1), leaves nothing: give it a rate below 1")


def no_activations() -> TypeError:
    """Return the error for a state dict of several layers without the name of their activation."""
    return TypeError("a state dict does not tell its activations: pass activation=, such as 'relu', or the module")


def empty_state() -> ValueError:
    """Return the error for a state dict without layers."""
    return ValueError("the state dict is empty; expected weights and biases of dense layers")


def several_precisions(kinds: set[str]) -> ValueError:
    """Return the error for parameters of more than one dtype."""
    return ValueError(f"parameters have dtypes {' and '.join(sorted(kinds))}; expected one: pass source.float()")


def without_numbers(name: str) -> TypeError:
    """Return the error for a tensor on the device meta."""
    return TypeError(f"{name} is on the device meta, which holds no numbers: load the parameters first")


def other_dtype(name: str, dtype: object, remedy: str) -> TypeError:
    """Return the error for numbers that are neither float32 nor float64."""
    return TypeError(f"{name} has dtype {dtype}; expected float32 or float64: {remedy}")
