"""CF-BiLSTM (CPF-CTE, Eq. 3 to 6) against an LSTM written out in plain loops."""

import math

import pytest
import torch
from torch import nn

from mmwsss.models.necks import CFBiLSTM
from mmwsss.models.necks.cf_bilstm import DIRECTIONS, scan_lines
from mmwsss.registry import MODELS

F64 = torch.float64
SIZES = [(3, 5), (1, 1), (1, 4), (4, 1)]
CHANNELS, HIDDEN = 4, 3


def make_neck(direction, **options):
    torch.manual_seed(0)
    config = {
        'type': 'mmwsss.CFBiLSTM',
        'in_channels': CHANNELS,
        'hidden_channels': HIDDEN,
        'direction': direction,
        **options,
    }
    return MODELS.build(config).double()


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def product(matrix, vector):
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def naive_lstm(sequence, lstm, suffix):
    """The states of one direction: Eq. 3, or 4 on the reversed sequence."""
    names = ('weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0')
    w_input, w_state, b_input, b_state = (getattr(lstm, n + suffix).tolist() for n in names)
    size = lstm.hidden_size
    hidden, cell, states = [0.0] * size, [0.0] * size, []
    for item in sequence:
        gates = [
            sum(terms)
            for terms in zip(
                product(w_input, item), product(w_state, hidden), b_input, b_state, strict=True
            )
        ]
        for d in range(size):
            enter, forget, change, leave = (gates[d + part * size] for part in range(4))
            cell[d] = sigmoid(forget) * cell[d] + sigmoid(enter) * math.tanh(change)
            hidden[d] = sigmoid(leave) * math.tanh(cell[d])
        states.append(list(hidden))
    return states


def naive_two_ways(sequence, lstm):
    """Eq. 3 to 5."""
    forward = naive_lstm(sequence, lstm, '')
    backward = naive_lstm(sequence[::-1], lstm, '_reverse')[::-1]
    return [f + b for f, b in zip(forward, backward, strict=True)]


def naive_path(direction, height, width):
    cells = []
    for y in range(height):
        columns = list(range(width))
        if direction == 'snake' and y % 2:
            columns.reverse()
        cells += [(y, x) for x in columns]
    return cells


def naive_states(neck, image, direction):
    """States before Eq. 6 of one image (C, H, W), by cell."""
    height, width = image.shape[1:]
    at = {(y, x): image[:, y, x].tolist() for y in range(height) for x in range(width)}
    if direction in ('raster', 'snake'):
        path = naive_path(direction, height, width)
        states = naive_two_ways([at[cell] for cell in path], neck.scan.lstm)
        return dict(zip(path, states, strict=True))
    rows, columns = {}, {}
    for y in range(height):
        line = [(y, x) for x in range(width)]
        found = naive_two_ways([at[cell] for cell in line], neck.scan.rows)
        rows.update(zip(line, found, strict=True))
    for x in range(width):
        line = [(y, x) for y in range(height)]
        found = naive_two_ways([at[cell] for cell in line], neck.scan.columns)
        columns.update(zip(line, found, strict=True))
    if direction == 'hv_concat':
        return {cell: rows[cell] + columns[cell] for cell in at}
    return {cell: [a + b for a, b in zip(rows[cell], columns[cell], strict=True)] for cell in at}


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('direction', DIRECTIONS[:-1])
def test_eq_3_to_6_by_plain_loops(direction, size):
    neck, features = make_neck(direction), torch.randn(2, CHANNELS, *size, dtype=F64)
    found = neck((features,))[0]
    assert found.shape == features.shape
    weight, bias = neck.projection.weight.tolist(), neck.projection.bias.tolist()
    for b, image in enumerate(features):
        for (y, x), state in naive_states(neck, image, direction).items():
            expected = [a + c for a, c in zip(product(weight, state), bias, strict=True)]
            torch.testing.assert_close(found[b, :, y, x].tolist(), expected)


def test_no_direction_changes_nothing_and_has_no_weights():
    neck, features = make_neck('none'), torch.randn(2, CHANNELS, 3, 5)
    assert neck((features,))[0].equal(features)
    assert not list(neck.parameters())


@pytest.mark.parametrize('direction', DIRECTIONS[:-1])
def test_closed_forget_gates_remember_no_other_patch(direction):
    features = torch.randn(1, CHANNELS, 3, 5, dtype=F64)
    others = torch.randn_like(features)
    others[..., 1, 2] = features[..., 1, 2]
    for bias, alone in ((-40.0, True), (None, False)):
        neck = make_neck(direction, forget_bias=bias)
        for name, parameter in neck.named_parameters():
            if 'weight_hh' in name:
                parameter.data.zero_()  # the other way between patches
        found, expected = (neck((grid,))[0][..., 1, 2] for grid in (others, features))
        assert torch.allclose(found, expected, atol=1e-12) == alone


@pytest.mark.parametrize('direction', DIRECTIONS[:-1])
def test_a_forget_bias_changes_nothing_else(direction):
    plain, closed = make_neck(direction), make_neck(direction, forget_bias=-4.0)
    for (name, before), after in zip(plain.named_parameters(), closed.parameters(), strict=True):
        changed = (before != after).flatten(1).any(1) if before.ndim > 1 else before != after
        rows = changed.nonzero().flatten().tolist()
        assert rows == (list(range(HIDDEN, 2 * HIDDEN)) if 'bias_' in name else [])
    lstm = next(m for m in closed.modules() if isinstance(m, nn.LSTM))
    gate = (lstm.bias_ih_l0 + lstm.bias_hh_l0)[HIDDEN : 2 * HIDDEN]
    torch.testing.assert_close(gate, torch.full_like(gate, -4))


@pytest.mark.parametrize('direction', DIRECTIONS)
def test_other_stages_are_left_alone(direction):
    stages = (torch.randn(1, 2, 6, 10), torch.randn(1, CHANNELS, 3, 5, dtype=F64))
    first, last = make_neck(direction)(stages)
    assert first is stages[0]
    assert last.shape == stages[1].shape


@pytest.mark.parametrize('direction', ['hv_concat', 'hv_sum', 'raster', 'snake'])
def test_gradients(direction):
    neck = make_neck(direction)
    features = torch.randn(1, CHANNELS, 2, 3, dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(neck.refine, features)
    neck.refine(features).sum().backward()
    assert all(parameter.grad.any() for parameter in neck.parameters())


def reached(neck, size, cell):
    """Cells whose output changes with the input of one cell."""
    features = torch.zeros(1, CHANNELS, *size, dtype=F64)
    changed = features.clone()
    changed[0, :, cell[0], cell[1]] = 1
    difference = (neck.refine(changed) - neck.refine(features)).abs().amax(dim=1)[0]
    return {tuple(index) for index in difference.gt(1e-12).nonzero().tolist()}


def test_rows_and_columns_reach_the_cross_of_a_cell_and_a_sequence_all_cells():
    cross = {(1, x) for x in range(5)} | {(y, 2) for y in range(3)}
    assert reached(make_neck('hv_concat'), (3, 5), (1, 2)) == cross
    assert reached(make_neck('hv_sum'), (3, 5), (1, 2)) == cross
    for direction in ('raster', 'snake'):
        assert len(reached(make_neck(direction), (3, 5), (1, 2))) == 15


def test_turning_the_image_swaps_rows_and_columns():
    neck, features = make_neck('hv_sum'), torch.randn(1, CHANNELS, 3, 5, dtype=F64)
    upright = neck.refine(features)
    neck.scan.rows, neck.scan.columns = neck.scan.columns, neck.scan.rows
    torch.testing.assert_close(neck.refine(features.transpose(2, 3)).transpose(2, 3), upright)


def test_a_batch_is_its_images_one_by_one():
    neck, features = make_neck('hv_concat'), torch.randn(3, CHANNELS, 2, 4, dtype=F64)
    alone = torch.cat([neck.refine(image[None]) for image in features])
    torch.testing.assert_close(neck.refine(features), alone)


@pytest.mark.parametrize(('along', 'sequences', 'steps'), [(2, 2 * 3, 5), (1, 2 * 5, 3)])
def test_all_lines_are_scanned_in_one_call(along, sequences, steps):
    lstm = nn.LSTM(CHANNELS, HIDDEN, bidirectional=True)
    shapes = []
    lstm.register_forward_hook(lambda module, inputs, output: shapes.append(inputs[0].shape))
    scan_lines(lstm, torch.randn(2, 3, 5, CHANNELS), along)
    assert shapes == [(steps, sequences, CHANNELS)]


@pytest.mark.parametrize('direction', DIRECTIONS)
def test_autocast(direction):
    neck = make_neck(direction).float()
    features = torch.randn(1, CHANNELS, 3, 5, requires_grad=True)
    with torch.autocast('cpu', torch.bfloat16):
        out = neck.refine(features)
    out.float().sum().backward()
    assert features.grad.isfinite().all()
    torch.testing.assert_close(out.float(), neck.refine(features), atol=0.05, rtol=0.05)


def test_an_unknown_direction_is_refused():
    message = r"^direction is 'diagonal'; choose one of hv_concat, hv_sum"
    with pytest.raises(ValueError, match=message):
        make_neck('diagonal')


def test_what_a_config_may_leave_out_and_what_it_may_say():
    neck = CFBiLSTM(CHANNELS)
    assert neck.scan.rows.hidden_size == neck.scan.columns.hidden_size == 192
    assert neck.projection.in_features == 4 * 192
    torch.manual_seed(0)
    by_name = CFBiLSTM(CHANNELS, HIDDEN, 'hv_concat')
    torch.manual_seed(0)
    unnamed = CFBiLSTM(
        CHANNELS, HIDDEN, init_cfg={'type': 'Constant', 'layer': 'Linear', 'val': 0.5}
    )
    features = torch.randn(1, CHANNELS, 2, 3)
    assert by_name.refine(features).equal(unnamed.refine(features))
    unnamed.init_weights()
    assert unnamed.projection.weight.eq(0.5).all()
