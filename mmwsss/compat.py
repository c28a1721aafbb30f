"""Cures for quirks of third-party versions, each beside the error that it cures.

Nothing else in the package knows about versions. `apply` runs every cure once; a cure that is not
needed on the machine at hand does nothing.
"""

import importlib
import importlib.util
import os
import pkgutil
import subprocess
import sys
import types
from collections.abc import Callable
from typing import Any, NoReturn

_MISSING_REQUIREMENT = (
    '{name} cannot be imported ({error}). Install the requirements with '
    '`pip install -r requirements.txt` (without a checkout: the extra `mmwsss[openmmlab]`), or run '
    '`bash tools/quickstart.sh`, which does it for you.'
)
_GROUP_VARIABLES = {  # what torch's variables are called by a launcher
    'slurm': {
        'RANK': 'SLURM_PROCID',
        'LOCAL_RANK': 'SLURM_LOCALID',
        'WORLD_SIZE': 'SLURM_NTASKS',
    },
    'mpi': {
        'RANK': 'OMPI_COMM_WORLD_RANK',
        'LOCAL_RANK': 'OMPI_COMM_WORLD_LOCAL_RANK',
        'WORLD_SIZE': 'OMPI_COMM_WORLD_SIZE',
    },
}
_torchvision_schemas: list[Any] = []  # keeps the Library object alive as long as the process
_applied = False


def apply() -> None:
    """Apply every cure; a second call returns at once.

    Raises:
        ImportError: A required package is missing; the message says how to install it.
    """
    global _applied
    if _applied:
        return
    for name in ('torch', 'mmengine', 'mmcv', 'mmseg'):
        if importlib.util.find_spec(name) is None:
            raise ImportError(_MISSING_REQUIREMENT.format(name=name, error='it is not installed'))
    restore_find_loader()
    declare_torchvision_schemas()
    import_mmcv_ops()
    allow_mmengine_checkpoints()
    format_configs_once()
    _applied = True


def restore_find_loader() -> None:
    """Cure ``module 'pkgutil' has no attribute 'find_loader'`` of Python 3.14.

    mmengine 0.10 and mmcv 2.1 look for mmcv's operators with it, and Python took it out.
    """
    if not hasattr(pkgutil, 'find_loader'):
        pkgutil.find_loader = _find_loader  # type: ignore[assignment]


def _find_loader(name: str) -> Any:
    spec = importlib.util.find_spec(name)
    return None if spec is None else spec.loader


def declare_torchvision_schemas() -> None:
    """Cure ``operator torchvision::nms does not exist``.

    A torchvision wheel built for CUDA beside a CPU build of torch cannot load its compiled
    operators, and then fails at import where it attaches Python code to them. Declaring the two
    schemas is enough to import it; nobody here calls the operators.
    """
    if importlib.util.find_spec('torchvision') is None:
        return
    import torch

    try:
        importlib.import_module('torchvision')
    except RuntimeError as error:
        if 'torchvision::' not in str(error):
            raise
        for name in [name for name in sys.modules if name.split('.')[0] == 'torchvision']:
            del sys.modules[name]
        library = torch.library.Library('torchvision', 'DEF')
        library.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
        library.define('qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
        _torchvision_schemas.append(library)
        importlib.import_module('torchvision')


def import_mmcv_ops() -> None:
    """Cure ``No module named 'mmcv._ext'`` of mmcv-lite.

    mmseg imports `mmcv.ops`, which wants the compiled extension. A stand-in lets the import through
    and is taken away again, because `importlib` trips over a module without a spec; an operator
    that is called all the same raises a sentence that says what to install.
    """
    if importlib.util.find_spec('mmcv._ext') is not None:
        return
    stand_in = types.ModuleType('mmcv._ext')
    stand_in.__getattr__ = _missing_operator  # type: ignore[method-assign]
    sys.modules['mmcv._ext'] = stand_in
    try:
        importlib.import_module('mmcv.ops')
    finally:
        del sys.modules['mmcv._ext']


def _missing_operator(name: str) -> Callable[..., NoReturn]:
    if name.startswith('__'):
        raise AttributeError(name)

    def operator(*args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(
            f'mmcv.ops.{name} needs the compiled mmcv; here is mmcv-lite. '
            'Install mmcv 2.1.0 with its operators, or choose a model without this operator.'
        )

    return operator


def allow_mmengine_checkpoints() -> None:
    """Cure ``Weights only load failed ... HistoryBuffer`` (torch >= 2.6 with mmengine 0.10).

    A checkpoint of mmengine holds its message hub: history buffers with numpy arrays. These types
    are added to the list that torch trusts; everything else in a pickle stays refused.
    """
    import torch

    if not hasattr(torch.serialization, 'add_safe_globals'):
        return
    import numpy as np
    from mmengine.logging import HistoryBuffer

    def history_buffer(module: object, name: str) -> object:
        """Serve as the pickled ``getattr``, for HistoryBuffer's own functions alone."""
        if module is HistoryBuffer and not name.startswith('_'):
            return getattr(module, name)
        raise AttributeError(f'a checkpoint may not read {name!r} of {module!r}')

    multiarray: Any = importlib.import_module('numpy._core.multiarray')
    dtypes = [type(np.dtype(code)) for code in ('f4', 'f8', 'i4', 'i8', 'u1', 'b1')]
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
            (history_buffer, 'builtins.getattr'),
            np.ndarray,
            np.dtype,
            (multiarray.scalar, 'numpy.core.multiarray.scalar'),
            (multiarray.scalar, 'numpy._core.multiarray.scalar'),
            (multiarray._reconstruct, 'numpy.core.multiarray._reconstruct'),
            (multiarray._reconstruct, 'numpy._core.multiarray._reconstruct'),
            *dtypes,
        ]
    )


def format_configs_once() -> None:
    """Cure the seconds that every Runner takes to begin.

    It asks four times for the text of the same config, and each time mmengine formats it anew with
    yapf, one to two seconds for a config of ours. Texts are kept by the content of the config.
    """
    from mmengine.config import Config

    if hasattr(Config.pretty_text.fget, 'texts'):  # wrapped already
        return
    format_text = Config.pretty_text.fget

    def pretty_text(config: Any) -> str:
        content = repr(config.to_dict())
        if content not in texts:
            texts.clear()  # a Runner asks for one config's text several times, then never again
            texts[content] = format_text(config)
        return texts[content]

    texts: dict[str, str] = {}
    pretty_text.texts = texts  # type: ignore[attr-defined]
    Config.pretty_text = property(pretty_text)


def prepare_cpu_processes(config: Any) -> None:
    """Make a distributed run work on a machine without GPU.

    Cures ``torch._C has no attribute '_cuda_setDevice'`` (mmengine's launcher sets a CUDA device,
    even with gloo) by starting the process group itself, ``device_ids and output_device
    arguments only work with ...`` (DDP) by a wrapper without devices, and ``FSDP needs a non-CPU
    accelerator device`` by naming the CPU, and FSDP's segmentation fault when it saves (it moves
    parameters to the CPU and frees where they were) by leaving them where they are.

    Args:
        config: The run's config, changed in place; nothing happens with a GPU or one process.
    """
    import torch

    launcher = config.get('launcher', 'none')
    if torch.cuda.is_available() or launcher == 'none':
        return
    join_process_group(launcher)
    if config.get('strategy'):
        config.strategy.model_wrapper.device_id = 'cpu'
        stay = {'rank0_only': True, 'offload_to_cpu': False}
        config.strategy.state_dict_cfg = {
            'state_dict_type': 'FULL_STATE_DICT',
            'state_dict_config': {'type': 'FullStateDictConfig', **stay},
            'optim_state_dict_config': {'type': 'FullOptimStateDictConfig', **stay},
        }
    if config.get('model_wrapper_cfg'):
        return  # the config has one that needs no device
    config.model_wrapper_cfg = {
        'type': 'MMDistributedDataParallel',
        'device_ids': None,
        'broadcast_buffers': False,
    }


def join_process_group(launcher: str) -> None:
    """Join the process group of a launcher; on a machine without GPU one of gloo.

    mmengine's own way asks for a GPU, and divides by their number under Slurm.

    Args:
        launcher: As mmengine names it.
    """
    import torch
    from mmengine.dist import init_dist
    from torch import distributed

    if distributed.is_initialized():
        return
    if torch.cuda.is_available():
        init_dist(launcher)
        return
    for name, variable in _GROUP_VARIABLES.get(launcher, {}).items():
        os.environ[name] = os.environ[variable]
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_host(os.environ.get('SLURM_NODELIST'))
    distributed.init_process_group('gloo')


def _first_host(machines: str | None) -> str:
    """Return the first machine of Slurm's list, in which numbers are in brackets."""
    if machines is None:
        return '127.0.0.1'
    command = ['scontrol', 'show', 'hostnames', machines]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]


def leave_process_group() -> None:
    """Cure ``terminate called without an active exception``: signal 6 at the end of a process.

    A process that ends within a gloo group is sometimes aborted, as gloo's threads still run.
    Nothing happens where there is no group.
    """
    distributed = sys.modules.get('torch.distributed')  # not imported: there is no group
    if distributed and distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()
