"""A second device on a machine that has none, so that tests see where devices are mixed.

`register` names torch's PrivateUse1 backend ``elsewhere``. A tensor on it holds one of the CPU,
says that it is elsewhere, and goes by the rules of CUDA: an operation on tensors of two devices is
an error, and so is `numpy`. Autocast casts what it casts on CUDA.
"""

import functools
from contextlib import contextmanager

import torch
from torch._decomp.decompositions import lstm_impl
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = 'elsewhere'  # torch gives tensors and modules a method of this name
ATEN = torch.ops.aten
COPIES = {ATEN.copy_.default, ATEN._to_copy.default}  # from one device to another
INDEXED = {  # by indices of the CPU, too
    ATEN.index.Tensor,
    ATEN.index_put.default,
    ATEN.index_put_.default,
    ATEN._unsafe_index.Tensor,
    ATEN._unsafe_index_put.default,
    ATEN._index_put_impl_.default,
}
WAITED_FOR = {  # on CUDA the CPU waits for their result, or for its size
    ATEN._local_scalar_dense.default,
    ATEN.bincount.default,
    ATEN.equal.default,
    ATEN.is_nonzero.default,
    ATEN.masked_select.default,
    ATEN.nonzero.default,
    ATEN.repeat_interleave.Tensor,
    ATEN._unique2.default,
    ATEN.unique_consecutive.default,
    ATEN.unique_dim.default,
}
_refusing = False
BY_INDEX = (torch.Tensor.__getitem__, torch.Tensor.__setitem__)
# https://docs.pytorch.org/docs/stable/amp.html, what autocasts on CUDA
TO_LOWER = (
    'addbmm addmm addmv addr baddbmm bmm chain_matmul conv1d conv2d conv3d conv_transpose1d '
    'conv_transpose2d conv_transpose3d gru_cell linalg_multi_dot linear lstm_cell matmul mm mv '
    'lstm prelu rnn_relu_cell rnn_tanh_cell scaled_dot_product_attention'
)
TO_FLOAT32 = (
    'acos asin binary_cross_entropy_with_logits cdist cosh cosine_embedding_loss '
    'cosine_similarity cumprod cumsum dist erfinv exp expm1 group_norm hinge_embedding_loss kl_div '
    'l1_loss layer_norm log log10 log1p log2 log_softmax mse_loss nll_loss nll_loss2d '
    'nll_loss_nd norm pdist pow prod reciprocal renorm rsqrt sinh smooth_l1_loss soft_margin_loss '
    'softmax softplus sum tan'
)
REFUSED = 'binary_cross_entropy'
KEY = 'AutocastPrivateUse1'
_operators = torch.library.Library('aten', 'IMPL')  # they live as long as the process
_all_others = torch.library.Library('_', 'IMPL')


class SecondTensor(torch.Tensor):
    """A tensor of the second device."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held):
        tensor = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device=f'{NAME}:0',
        )
        tensor.held = held
        return tensor

    @classmethod
    def __torch_dispatch__(cls, op, types, args=(), kwargs=None):
        return call(op, args, kwargs or {})

    def numpy(self, *args, **kwargs):
        raise TypeError(
            f"can't convert {self.device} device type tensor to numpy: use Tensor.cpu()"
        )

    __array__ = numpy

    def tolist(self):
        if _refusing:
            raise RuntimeError('tolist waits for the device')
        return self.held.tolist()

    def __deepcopy__(self, memo):
        copied = SecondTensor(self.held.clone()).requires_grad_(self.requires_grad)
        if isinstance(self, torch.nn.Parameter):
            copied = torch.nn.Parameter(copied, self.requires_grad)
        return memo.setdefault(id(self), copied)

    def __repr__(self, *, tensor_contents=None):
        return f'{NAME}: {self.held!r}'


class SecondDevice(TorchDispatchMode):
    """Within it, what is made on the second device or brought to it is there."""

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        return call(op, args, kwargs or {})


class FromPython(TorchFunctionMode):
    """Within it Python's numbers can be brought to the second device."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        device = kwargs.get('device')
        if function is torch.Tensor.new_tensor and isinstance(args[0], SecondTensor):
            function, device = torch.tensor, device or args[0].device
            kwargs = {'dtype': args[0].dtype, **kwargs}
            args = args[1:]
        if function in BY_INDEX:
            args = (args[0], as_tensors(args[1]), *args[2:])
        if function is not torch.tensor or device is None or torch.device(device).type != NAME:
            return function(*args, **kwargs)
        return function(*args, **{**kwargs, 'device': 'cpu'}).to(device)


def as_tensors(index):
    """Turn the lists of an index into tensors, as torch does, but on the CPU."""
    if isinstance(index, tuple):
        return tuple(as_tensors(part) for part in index)
    return torch.tensor(index) if isinstance(index, list) else index


def call(op, args, kwargs):
    """Run an operation on what its tensors hold."""
    leaves = tree_leaves((args, kwargs))
    ours = [leaf for leaf in leaves if isinstance(leaf, SecondTensor)]
    wanted = kwargs.get('device')
    to_ours = wanted is not None and torch.device(wanted).type == NAME
    if not ours and not to_ours:
        return op(*args, **kwargs)
    if ours and op not in COPIES:
        refuse_mixing(op, args, leaves)
    if kwargs.get('generator') is not None:
        raise RuntimeError(f"Expected a '{NAME}' device type for generator but found 'cpu'")
    if _refusing and waits(op, args, kwargs, to_ours):
        raise RuntimeError(f'{op} waits for the device')
    found = op(*tree_map(unwrap, args), **tree_map(unwrap, kwargs))
    if op is ATEN.copy_.default:
        return args[0]
    if wanted is not None and not to_ours:
        return found
    known = {id(tensor.held): tensor for tensor in ours}  # of operations in place
    return tree_map(lambda x: known[id(x)] if id(x) in known else wrap(x), found)


def waits(op, args, kwargs, to_ours):
    """Say whether CUDA would let the CPU wait, as ``torch.cuda.set_sync_debug_mode`` sees it."""
    if op is ATEN.copy_.default:
        here, there = (isinstance(tensor, SecondTensor) for tensor in args[:2])
        return here != there and not (here and (kwargs.get('non_blocking') or args[2:] == (True,)))
    if op is ATEN._to_copy.default:
        leaves = isinstance(args[0], SecondTensor)
        if leaves and kwargs.get('device') is not None and not to_ours:
            return True
        return to_ours and not leaves and not kwargs.get('non_blocking')
    by_mask = op in INDEXED and any(
        isinstance(index, torch.Tensor) and index.dtype == torch.bool
        for index in tree_leaves(args[1])
    )
    # an index of the CPU is brought over first
    brought = op in INDEXED and any(
        isinstance(index, torch.Tensor) and not isinstance(index, SecondTensor)
        for index in tree_leaves(args[1])
    )
    return op in WAITED_FOR or by_mask or brought


@contextmanager
def refusing_to_wait(name):
    """Within it what lets the CPU wait for the device is an error."""
    global _refusing
    if name != NAME:
        torch.cuda.set_sync_debug_mode('error')
    _refusing = name == NAME
    try:
        yield
    finally:
        _refusing = False
        if name != NAME:
            torch.cuda.set_sync_debug_mode('default')


def refuse_mixing(op, args, leaves):
    """Raise where CUDA would: one number of the CPU may stand in an elementwise operation."""
    checked = leaves
    if op in INDEXED and isinstance(args[0], SecondTensor):
        checked = tree_leaves((args[0], args[2:]))
    pointwise = torch.Tag.pointwise in op.tags or op in INDEXED
    in_place = op._schema.is_mutable
    for leaf in checked:
        if isinstance(leaf, torch.Tensor) and not isinstance(leaf, SecondTensor):
            written = in_place and leaf is args[0]
            if leaf.dim() or not pointwise or written:
                raise RuntimeError(
                    f'Expected all tensors to be on the same device, but found {NAME}:0 and cpu: '
                    f'{op} got a tensor {tuple(leaf.shape)} of the cpu'
                )


def wrap(value):
    return SecondTensor(value) if isinstance(value, torch.Tensor) else value


def unwrap(value):
    if isinstance(value, SecondTensor):
        return value.held
    is_ours = isinstance(value, torch.device) and value.type == NAME
    return torch.device('cpu') if is_ours else value


class _Module:
    """What torch asks of ``torch.elsewhere``."""

    def is_initialized(self):
        return True

    is_available = is_initialized

    def current_device(self):
        return 0

    def device_count(self):
        return 1

    def _is_in_bad_fork(self):
        return False

    def manual_seed_all(self, seed):
        pass

    def get_amp_supported_dtype(self):
        return [torch.float16, torch.bfloat16]


@functools.cache
def register():
    """Register the device, once per process.

    The engine of autograd counts the devices at the first `backward` of a process.
    """
    _setup_privateuseone_for_python_backend(rename=NAME, backend_module=_Module())
    # the kernel of other devices is fused, which the CPU has not
    _operators.impl(ATEN.lstm.input, lstm_impl, 'AutogradPrivateUse1')
    _all_others.fallback(torch.library.fallthrough_kernel, KEY)
    for names, kernel in ((TO_LOWER, lower), (TO_FLOAT32, float32), (REFUSED, refuse)):
        for name in names.split():
            packet = getattr(ATEN, name)
            for overload in packet.overloads():
                op = getattr(packet, overload)
                if 'out' not in overload and torch._C._dispatch_has_kernel(op.name()):
                    _operators.impl(op, functools.partial(kernel, op), KEY)


def lower(op, *args, **kwargs):
    return without_autocast(op, torch.get_autocast_dtype(NAME), torch.float32, args, kwargs)


def float32(op, *args, **kwargs):
    return without_autocast(op, torch.float32, torch.get_autocast_dtype(NAME), args, kwargs)


def refuse(op, *args, **kwargs):
    raise RuntimeError(f'{op} is unsafe to autocast')


def without_autocast(op, dtype, source, args, kwargs):
    keys = torch._C.DispatchKeySet(getattr(torch._C.DispatchKey, KEY))
    with torch._C._ExcludeDispatchKeyGuard(keys):
        args, kwargs = tree_map(
            lambda x: x.to(dtype) if isinstance(x, SecondTensor) and x.dtype == source else x,
            (args, kwargs),
        )
        return op(*args, **kwargs)


@contextmanager
def activated(name):
    """Within it tensors can be brought to the device `name`."""
    if name != NAME:
        yield name
        return
    register()
    with FromPython(), SecondDevice():
        yield name
