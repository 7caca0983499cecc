"""Words: what is refused and how, and that any text is read or refused."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqbench.config.words import Word, parse, render
from seqbench.schema import UsageError
from tests import user_folder
from tests.user_folder import refusal

empty_folder = user_folder.empty_folder
pytestmark = pytest.mark.usefixtures("empty_folder")


REFUSED = {
    "sead=3": ("sead", "seeds"),
    "+sead=3": ("+sead", "seeds"),
    "++sead=3": ("++sead", "seeds"),
    "~sead": ("~sead", "seeds"),
    "~seeds": ("removed",),
    "~model": ("removed",),
    "~sweep": ("+sweep",),
    "+seeds=3": ("without the plus",),
    "model.widht=3": ("model gru", "'model.width'"),
    "width=3": ("'model.width'",),
    "model=gruu": ("lstm", "'model=gru'"),
    "model=null": ("model must be one of",),
    "model=": ("model must be one of",),
    "model=[gru,lstm]": ("model must be one of",),
    "task=long": ("task must be one of",),
    "model.width=abc": ("whole number", "abc"),
    "model.width=3.5": ("whole number", "3.5"),
    "model.width=true": ("whole number", "true"),
    "model.width=null": ("whole number", "null"),
    "model.width=9223372036854775808": ("whole number",),
    "model.learning_rate=x": ("finite number",),
    "model.learning_rate=nan": ("finite number",),
    "model.learning_rate=1e400": ("finite number",),
    "model.learning_rate=0": ("above 0",),
    "model.embed=3": ("text", "\"'3'\""),
    "model.embed_size=true": ("null", "true"),
    "model.target=os:system": ("YAML file",),
    "task.version=2": ("YAML file",),
    "task.budget=0": ("at least 1",),
    "train.clip=x": ("number or null",),
    "train.clip=-1": ("above 0",),
    "train.batch_size=1.5": ("whole number",),
    "cost=1": ("true or false",),
    "seeds=0": ("1 to 10000",),
    "seeds=-2": ("1 to 10000",),
    "seeds=99999999999": ("1 to 10000",),
    "seeds=1.5": ("whole number",),
    "seeds=true": ("whole number",),
    "seeds=[]": ("whole numbers, one or more, from 0",),
    "seeds=[0,0]": ("different",),
    "seeds=[-1]": ("from 0 to 2147483647",),
    "seeds=[2147483648]": ("from 0 to 2147483647",),
    "seeds=[0.5]": ("whole numbers",),
    "seeds=[true]": ("whole numbers",),
    "seeds=0,1": ("one value", "seeds=[0,1]"),
    "store=a,b": ("one value",),
    "store=": ("store", "folder"),
    "device=tpu": ("auto, cpu or cuda; got 'tpu'.",),
    "device=gpu": ("Did you mean 'device=cuda'?",),
    "device=cuda": ("none", "device=cpu"),
    "lanes=0": ("at least 1",),
    "lanes=9999": ("at most", "8 for each of the", "9999"),
    "lanes=true": ("whole number",),
    "rerun=x": ("missing, failed, changed, all",),
    "reuse=x": ("here, any",),
    "checkpoint_s=-1": ("at least 0", "null"),
    "checkpoint_s=often": ("a finite number", "often"),
    "scale=large": ("without a sweep", "+sweep=NAME"),
    "+sweep=smoke scale=x": ("default", "for sweep smoke"),
    "plugins=mine": ("a list",),
    "plugins=[a-b]": ("module names",),
    "plugins=[1]": ("module names",),
    "sweep=smoke": ("'+sweep=smoke'",),
    "+sweep=smok": ("'+sweep=smoke'",),
    "+sweep=smoke,long_seq": ("one value",),
    "+sweep=[smoke,long_seq]": ("one sweep",),
    "study.tuned=nothing": ("tuned must be one of",),
    "study.reference=grru": ("'model=gru'",),
    "study.scales=x": ("study.scales",),
    "hydra.run.dir=x": ("Hydra's own",),
    "hydra/sweeper=basic": ("Hydra's own",),
    "+hydra.job.name=x": ("Hydra's own",),
    "model._target_=os.system": ("_target_ is never read",),
    "model.width=${oc.env:HOME}": ("interpolation",),
    "model@x=gru": ("package",),
    "model={width:3}": ("plain value",),
    "model.width=interval(0,1)": ("finite set",),
    "model.width=range(0,9,0)": ("range",),
    "model.width=range(9,1)": ("none",),
    "model.width=range(1,99999)": ("10000",),
    "model.width=range(1,9000) model.depth=1,2": ("at most 10000 cells",),
    "model=gru model=lstm": ("twice",),
    "gru": ("'model=gru'",),
    "smoke": ("'+sweep=smoke'",),
    "--seed 3": ("seeds=3",),
    "--seed=3": ("seeds=3",),
    "--steps 9": ("train.steps=9",),
    "--multirun": ("not needed",),
    "--config-dir": ("followed by a folder",),
    "--config-dir nowhere": ("existing folder", "nowhere"),
    "task.delay=-1 model.width=a'b": ("grammar",),
    "=3": ("Name the key",),
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_wrong_word_is_refused_in_one_line_that_says_what_to_do(words: str, empty_folder: Path):
    message = refusal(*words.split(" "))
    assert "\n" not in message
    assert len(message) < 1000
    for part in REFUSED[words]:
        assert part in message
    assert list(empty_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("seeds=\x00", "control"),
        ("seeds=3\n", "control"),
        ("seeds=\x1b[31m", "control"),
        ("store=\udcff", "UTF-8"),
        ("store=" + "x" * 30_000, "20000"),
        ("x" * 5_000 + "=1", "at most 100 characters"),
        ("seeds=" + "[" * 9_000, "brackets"),
        ("seeds=" + "[" * 90, "grammar"),
    ],
)
def test_words_that_no_terminal_should_print_are_refused(word: str, part: str):
    message = refusal(word)
    assert part in message
    assert message.isprintable()
    assert len(message) < 400


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=12), st.sampled_from(["", "seeds=", "+", "~", "model.width=[", "model.width=range("]))
def test_any_text_is_parsed_or_refused_and_nothing_else(text: str, start: str):
    try:
        words = parse([start + text], lambda group: ["gru"])
    except UsageError:
        return
    assert all(isinstance(word, Word) for word in words.values())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["C", "Z"]), max_size=6),
        st.lists,
        max_leaves=4,
    )
)
@settings(max_examples=100, deadline=None)
def test_rendered_values_are_read_back_as_they_were(value: object):
    if "${" in str(value) or "_target_" in str(value):
        return
    assert parse([f"key={render(value)}"], lambda group: [])["key"].values == (value,)
