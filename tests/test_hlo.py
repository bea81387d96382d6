"""What the text of a compiled program costs: texts made by hand, and programs of known cost, for a chip that is not here."""

import math

import jax
import jax.numpy as jnp
import pytest

from rewardlab.backend import chips, hlo, tpu
from rewardlab.running import batches
from rewardlab.running.predicted import seconds


def cycles(n):
    return f'backend_config={{"window_config":{{"estimated_cycles":"{n}"}}}}'


LOOPS = f"""HloModule made, is_scheduled=true

FileNames
1 "/somewhere/rules/ppo.py"

FunctionNames
1 "PPO.update"
2 "PPO.update.<locals>.<lambda>"

FileLocations
1 {{file_name_id=1 function_name_id=1 line=3 end_line=3 column=1 end_column=2}}
2 {{file_name_id=1 function_name_id=2 line=4 end_line=4 column=1 end_column=2}}

StackFrames
1 {{file_location_id=1 parent_frame_id=1}}
2 {{file_location_id=2 parent_frame_id=1}}

%body (p: (s32[], f32[8,128])) -> (s32[], f32[8,128]) {{
  %p = (s32[]{{:T(128)}}, f32[8,128]{{1,0:T(8,128)}}) parameter(0)
  %i = s32[] get-tuple-element(%p), index=0
  %x = f32[8,128]{{1,0:T(8,128)}} get-tuple-element(%p), index=1
  %double = f32[8,128]{{1,0:T(8,128)}} add(%x, %x), metadata={{op_name="a" stack_frame_id=2}}, {cycles(10)}
  ROOT %out = (s32[], f32[8,128]) tuple(%i, %double)
}}

%test (p: (s32[], f32[8,128])) -> pred[] {{
  %p = (s32[]{{:T(128)}}, f32[8,128]{{1,0:T(8,128)}}) parameter(0)
  %bound = s32[] constant(7)
  %i = s32[] get-tuple-element(%p), index=0
  ROOT %less = pred[] compare(%i, %bound), direction=LT
}}

%unknown (p: (s32[], f32[8,128])) -> pred[] {{
  %p = (s32[]{{:T(128)}}, f32[8,128]{{1,0:T(8,128)}}) parameter(0)
  %i = s32[] get-tuple-element(%p), index=0
  %other = s32[] get-tuple-element(%p), index=1
  ROOT %less = pred[] compare(%i, %other), direction=LT
}}

%cheap (x: f32[8,128]) -> f32[8,128] {{
  ROOT %x = f32[8,128] parameter(0)
}}

%dear (x: f32[8,128]) -> f32[8,128] {{
  %x = f32[8,128] parameter(0)
  ROOT %y = f32[8,128] negate(%x), {cycles(1000)}
}}

ENTRY %main (a: f32[8,128], which: pred[]) -> f32[8,128] {{
  %a = f32[8,128]{{1,0:T(8,128)}} parameter(0)
  %which = pred[] parameter(1)
  %zero = s32[] constant(0)
  %start = (s32[], f32[8,128]) tuple(%zero, %a)
  %told = (s32[], f32[8,128]) while(%start), condition=%unknown, body=%body, backend_config={{"known_trip_count":{{"n":"100"}}}}
  %shown = (s32[], f32[8,128]) while(%told), condition=%test, body=%body
  %open = (s32[], f32[8,128]) while(%shown), condition=%unknown, body=%body
  %x = f32[8,128] get-tuple-element(%open), index=1
  %branched = f32[8,128] conditional(%which, %x, %x), true_computation=%cheap, false_computation=%dear
  %called = f32[8,128] call(%branched), to_apply=%dear
  ROOT %again = f32[8,128] call(%called), to_apply=%dear
}}
"""


def test_loops_branches_and_calls_are_weighed():
    cost = hlo.cost(LOOPS)
    assert cost.cycles == 10 * (100 + 7 + 1) + 1000 + 2 * 1000
    assert cost.open_loops == ("open",)
    runs = {one.name: one.runs for one in cost.operations}
    assert runs["double"] == 108 and runs["y"] == 3
    assert cost.operations[0].name == "y" and cost.operations[0].function == ""
    double = next(one for one in cost.operations if one.name == "double")
    assert double.function == "ppo.py:PPO.update"  # a lambda goes by the function around it
    assert double.bytes == 108 * 3 * 8 * 128 * 4
    # A condition is looked at once more than its loop turns.
    assert cost.unpriced == {"compare": (101 + 8 + 2)}


def test_a_loop_that_does_not_begin_at_0_turns_less_often():
    later = LOOPS.replace(
        "%start = (s32[], f32[8,128]) tuple(%zero, %a)", "%start = (s32[], f32[8,128]) tuple(%three, %a)"
    )
    later = later.replace("%zero = s32[] constant(0)", "%three = s32[] constant(3)")
    assert hlo.cost(later).cycles == hlo.cost(LOOPS).cycles  # here the compiler has said it
    shown = later.replace('backend_config={"known_trip_count":{"n":"100"}}', "").replace(
        "condition=%unknown", "condition=%test", 1
    )
    assert {one.name: one.runs for one in hlo.cost(shown).operations}["double"] == (7 - 3) + 7 + 1


def test_a_turn_of_the_open_loop_is_without_what_comes_before_and_after():
    one = hlo.turn(LOOPS)
    assert one.cycles == 10 and not one.open_loops
    with pytest.raises(ValueError, match="loop"):
        hlo.turn(FUSED)


def test_what_is_no_compiled_program_is_said():
    with pytest.raises(ValueError, match="ENTRY"):
        hlo.cost("module @jit_f { }")


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ("f32[4096,4096]{1,0:T(8,128)}", 4096 * 4096 * 4),
        ("f32[3,130]{1,0:T(8,128)}", 8 * 256 * 4),
        ("f32[3,130]{0,1:T(8,128)}", 136 * 128 * 4),
        ("bf16[16,128]{1,0:T(8,128)(2,1)}", 16 * 128 * 2),
        ("pred[32,254]{1,0:T(8,128)(4,1)}", 32 * 256),
        ("u32[64,8]{1,0:T(8,128)}", 64 * 128 * 4),
        ("f32[1000]{0:T(1024)}", 1024 * 4),
        ("f32[8,128]{1,0:T(8,128)S(1)}", 0),
        ("(f32[8,128]{1,0:T(8,128)}, s32[]{:T(128)})", 8 * 128 * 4 + 4),
        ("f32[5,6]", 120),
    ],
)
def test_arrays_take_what_they_take_in_the_main_memory(shape, size):
    assert hlo.size(shape) == size


FUSED = f"""HloModule made

%sliced (whole: f32[100,8,128], at: s32[], row: f32[1,8,128]) -> f32[100,8,128] {{
  %whole = f32[100,8,128]{{2,1,0:T(8,128)}} parameter(0)
  %at = s32[] parameter(1)
  %row = f32[1,8,128]{{2,1,0:T(8,128)}} parameter(2)
  ROOT %put = f32[100,8,128]{{2,1,0:T(8,128)}} dynamic-update-slice(%whole, %row, %at, %at, %at)
}}

%multiplied (x: f32[64,32], y: f32[32,16]) -> f32[64,16] {{
  %x = f32[64,32]{{1,0:T(8,128)}} parameter(0)
  %y = f32[32,16]{{1,0:T(8,128)}} parameter(1)
  ROOT %z = f32[64,16]{{1,0:T(8,128)}} convolution(%x, %y), dim_labels=bf_io->bf
}}

ENTRY %main (w: f32[100,8,128], at: s32[], r: f32[1,8,128], x: f32[64,32], y: f32[32,16]) -> f32[64,16] {{
  %w = f32[100,8,128]{{2,1,0:T(8,128)}} parameter(0)
  %at = s32[] parameter(1)
  %r = f32[1,8,128]{{2,1,0:T(8,128)}} parameter(2)
  %x = f32[64,32]{{1,0:T(8,128)}} parameter(3)
  %y = f32[32,16]{{1,0:T(8,128)}} parameter(4)
  %written = f32[100,8,128]{{2,1,0:T(8,128)}} fusion(%w, %at, %r), kind=kLoop, calls=%sliced, {cycles(5)}
  %read = f32[1,8,128]{{2,1,0:T(8,128)}} dynamic-slice(%written, %at, %at, %at), {cycles(5)}
  %moved = (f32[64,32]{{1,0:T(8,128)S(1)}}, f32[64,32]{{1,0:T(8,128)}}, u32[]) copy-start(%x)
  %there = f32[64,32]{{1,0:T(8,128)S(1)}} copy-done(%moved)
  %product = f32[64,16]{{1,0:T(8,128)}} fusion(%x, %y), kind=kOutput, calls=%multiplied, {cycles(5)}
  ROOT %dot = f32[64,16]{{1,0:T(8,128)}} dot(%x, %y), lhs_contracting_dims={{1}}, rhs_contracting_dims={{0}}, {cycles(5)}
}}
"""


def test_only_what_is_touched_of_a_slice_counts_and_products_are_found():
    found = {one.name: one for one in hlo.cost(FUSED).operations}
    row = 8 * 128 * 4
    assert found["written"].bytes == 2 * row + 4  # the row, read and written, and where
    assert found["read"].bytes == pytest.approx(2 * row + 12, abs=16)
    assert found["moved"].bytes == 64 * 128 * 4
    assert found["product"].flops == found["dot"].flops == 2 * 64 * 16 * 32
    assert found["product"].bytes == (64 * 128 + 32 * 128 + 64 * 128) * 4


@pytest.fixture(name="v5e", scope="module")
def _v5e():
    pytest.importorskip("libtpu")
    with tpu.uncached():
        yield tpu.one(chips.chip("v5e"))


def on(place, function, *shapes):
    return hlo.cost(batches.compiled(jax.jit(function), *shapes, place=place).as_text())


@pytest.mark.slow(quickly=True)
def test_a_product_a_copy_and_a_loop_cost_on_a_chip_what_is_known(v5e):
    """What the maker says of the chip, peak and bandwidth, is what the compiler goes by."""
    chip, square = chips.chip("v5e"), jax.ShapeDtypeStruct((4096, 4096), jnp.bfloat16)
    product = on(v5e, jnp.matmul, square, square)
    assert product.flops == 2 * 4096**3
    assert seconds(product, chip)[0] == pytest.approx(2 * 4096**3 / chip.flops, rel=0.15)
    assert seconds(product, chip)[1] == "compute"
    copied = on(v5e, lambda x: x + 1.0, jax.ShapeDtypeStruct((2**28,), jnp.float32))
    assert copied.bytes == 2 * 2**30
    assert seconds(copied, chip)[0] == pytest.approx(2 * 2**30 / chip.bandwidth, rel=0.35)
    assert seconds(copied, chip)[1] == "memory"

    def turned(times):
        def go(x, w):
            return jax.lax.scan(lambda x, _: (jnp.tanh(x @ w), None), x, None, length=times)[0]

        shape = jax.ShapeDtypeStruct((1024, 1024), jnp.float32)
        found = on(v5e, go, shape, shape)
        assert not found.open_loops
        return found

    hundred = turned(100)
    body = max(hundred.operations, key=lambda one: one.cycles)
    assert body.runs == 100 and body.cycles / hundred.cycles > 0.9
    assert math.isclose(hundred.flops, 100 * 2 * 1024**3)
    fifty = turned(50)
    each = (hundred.cycles - fifty.cycles) / 50
    assert hundred.cycles == pytest.approx(100 * each, rel=0.05)
