"""Reading the tensors of a TorchScript archive without running what else is in it.

Such an archive (OpenAI's CLIP is one) is a zip file: `data.pkl` describes objects of classes whose
code lies beside it, and every tensor's numbers are a file of their own. `torch.jit.load` compiles
the code and runs the `__setstate__` of the classes; here an object is only the dict of its
attributes.
"""

import ast
import math
import os
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

_DTYPES = {
    'DoubleStorage': torch.float64,
    'FloatStorage': torch.float32,
    'HalfStorage': torch.float16,
    'BFloat16Storage': torch.bfloat16,
    'LongStorage': torch.int64,
    'IntStorage': torch.int32,
    'ShortStorage': torch.int16,
    'CharStorage': torch.int8,
    'ByteStorage': torch.uint8,
    'BoolStorage': torch.bool,
}
_LISTS = ('build_intlist', 'build_tensorlist', 'build_doublelist', 'build_boollist')
_CODE = '__torch__'  # the module of all classes whose code the archive brings


def is_torchscript(path: str | os.PathLike[str]) -> bool:
    """Tell whether `path` is a TorchScript archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith('/constants.pkl') for name in archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):  # the last two: turned bits
        return False


def read_torchscript(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read the tensors of a TorchScript archive; none of its code is run.

    Args:
        path: File of the archive.

    Returns:
        Name -> tensor on the CPU: the parameters and buffers of the module, as its state dict names
        them.

    Raises:
        ValueError: The archive is damaged, or its `data.pkl` names what no module holds.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            (pickled,) = (name for name in archive.namelist() if _is_top_pickle(name))
            with archive.open(pickled) as file:
                root = _Unpickler(file, archive, pickled.removesuffix('data.pkl')).load()
    except pickle.UnpicklingError as error:
        raise ValueError(f'{path} is a TorchScript archive that {error}') from error
    except Exception as error:  # a damaged pickle raises anything
        raise ValueError(f'{path} is a damaged TorchScript archive') from error
    if not isinstance(root, _Object):
        raise ValueError(f'{path} is a TorchScript archive of no module')
    return dict(_tensors(root))


class _Object:
    """An object of a class whose code the archive brings: its attributes alone.

    Attributes:
        registered: Names of the parameters and buffers of the class.
        attributes: What the archive says of the object, usually name -> value.
    """

    registered: frozenset[str] = frozenset()
    attributes: Any = None

    def __setstate__(self, state: Any) -> None:
        self.attributes = state


class _Unpickler(pickle.Unpickler):
    """Builds tensors, containers and `_Object`; every other name is refused.

    Args:
        file: `data.pkl`.
        archive: Where the tensors' numbers are.
        folder: Of `archive`, with a slash at its end.
    """

    def __init__(self, file: Any, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self._archive = archive
        self._folder = folder

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a global name of the pickle.

        Raises:
            UnpicklingError: The name is none of those that TorchScript writes for modules.
        """
        if module == _CODE or module.startswith(f'{_CODE}.'):
            registered = _registered_names(self._code_of(module), name)
            return type(name, (_Object,), {'registered': registered})
        if module == 'torch' and name in _DTYPES:
            return _DTYPES[name]
        if module == 'torch.jit._pickle' and name in _LISTS:
            return list
        known: dict[tuple[str, str], Callable] = {
            ('collections', 'OrderedDict'): OrderedDict,
            ('torch', 'device'): torch.device,
            ('torch._utils', '_rebuild_tensor_v2'): _rebuild_tensor,
            ('torch._utils', '_rebuild_parameter'): _rebuild_parameter,
            ('torch.jit._pickle', 'restore_type_tag'): _without_tag,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f'asks for {module}.{name}, which no weights need')
        return known[module, name]

    def _code_of(self, module: str) -> str:
        """Return the text of the code of a module; it is searched and never run."""
        path = f'{self._folder}code/{module.replace(".", "/")}.py'
        return self._archive.read(path).decode()

    def persistent_load(self, pid: Any) -> Tensor:
        """Return the numbers of a storage, a vector."""
        _, dtype, key, _, count = pid
        data = self._archive.read(f'{self._folder}data/{key}')
        return (
            torch.frombuffer(bytearray(data), dtype=dtype, count=count)
            if count
            else (torch.empty(0, dtype=dtype))
        )


def _rebuild_tensor(
    storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *unused: Any
) -> Tensor:
    if math.prod(size) == 0:
        return storage.new_empty(size)
    return storage.as_strided(size, stride, offset).clone()


def _rebuild_parameter(data: Tensor, *unused: Any) -> Tensor:
    return data


def _without_tag(value: Any, tag: str) -> Any:
    return value


def _registered_names(code: str, name: str) -> frozenset[str]:
    r"""Find the parameters and buffers of a class in the text of its code.

    Example:
        >>> text = 'class A(Module):\n  __parameters__ = ["w", ]\n  __buffers__ = []\n  w : Tensor'
        >>> _registered_names(text, 'A')
        frozenset({'w'})
    """
    own = re.search(rf'^class {re.escape(name)}\(.*?(?=^class |\Z)', code, re.DOTALL | re.MULTILINE)
    lists = re.findall(r'^  __(?:parameters|buffers)__ = (\[.*\])$', own[0] if own else '', re.M)
    return frozenset(name for text in lists for name in ast.literal_eval(text))


def _is_top_pickle(name: str) -> bool:
    return name.count('/') == 1 and name.endswith('/data.pkl')


def _tensors(node: _Object, name: str = '') -> Iterator[tuple[str, Tensor]]:
    """Walk over the parameters and buffers of objects in objects."""
    if not isinstance(node.attributes, dict):
        return
    for key, value in node.attributes.items():
        if isinstance(value, Tensor) and key in node.registered:
            yield f'{name}{key}', value
        elif isinstance(value, _Object):
            yield from _tensors(value, f'{name}{key}.')
