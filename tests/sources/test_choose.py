"""Which source a run reads."""

import os

import pytest

from reco_assets.sources.choose import (
    Place,
    choose_place,
    choose_source,
    default_folder,
    in_words,
    is_without_source,
    raw_folder,
    require_same_source,
)
from reco_assets.sources.remembered import remember, remembered_as
from reco_assets.sources.source import SourceError
from resources.settings import load_settings
from resources.settings.source import SyntheticSettings


@pytest.fixture
def configure(tmp_path):
    """Settings with a lakehouse of the test's own."""

    def make(**settings):
        return load_settings(lakehouse_path=tmp_path / "lake", **settings)

    return make


@pytest.fixture
def add_release(configure):
    """Put a MovieLens release into the lakehouse, this many seconds after 1970."""

    def add(name, seconds):
        release = raw_folder(configure()) / name
        release.mkdir(parents=True)
        (release / "ratings.csv").write_text("userId,movieId,rating,timestamp\n")
        os.utime(release, (seconds, seconds))
        return release

    return add


def test_with_nothing_configured_and_an_empty_lakehouse_nothing_is_made_up(configure, tmp_path):
    with pytest.raises(SourceError, match="there are no ratings to load, and no source is set") as refused:
        choose_source(configure())
    for hint in (f"{tmp_path}/lake/bronze/movielens", "RECO_SOURCE_PATH", "RECO_SOURCE=netflix", "RECO_SOURCE=synth"):
        assert hint in str(refused.value)


def test_releases_lie_under_bronze_movielens_in_the_lakehouse(configure, tmp_path):
    assert raw_folder(configure()) == tmp_path / "lake" / "bronze" / "movielens"


def test_a_release_in_the_lakehouse_is_taken_when_nothing_is_configured(configure, add_release):
    release = add_release("ml-latest-small", 1)
    source = choose_source(configure())
    assert (source.name, source.files[0]) == ("movielens", release / "ratings.csv")


def test_of_several_releases_the_newest_is_taken(configure, add_release):
    add_release("ml-a", 1)
    newest = add_release("ml-b", 3)
    add_release("ml-c", 2)
    assert default_folder(configure()) == newest
    assert choose_source(configure()).files[0].parent == newest


def test_a_folder_without_ratings_is_no_release(configure, add_release):
    (add_release("ml-a", 1) / "ratings.csv").unlink()
    assert is_without_source(configure())
    with pytest.raises(SourceError, match="no source is set"):
        choose_source(configure())


def test_synthetic_when_asked_for_goes_before_a_release_in_the_lakehouse(configure, add_release):
    add_release("ml-latest-small", 1)
    assert choose_source(configure(reco_source="synthetic")).name == "synthetic"


def test_a_configured_folder_goes_before_a_release_in_the_lakehouse(configure, add_release, tmp_path):
    add_release("ml-latest-small", 1)
    assert choose_source(configure(reco_source_path=tmp_path)).files[0].parent == tmp_path


def test_a_folder_alone_means_movielens(configure, tmp_path):
    assert choose_source(configure(reco_source_path=tmp_path)).name == "movielens"


def test_netflix_and_presplit_read_the_configured_folder(configure, tmp_path):
    for name in ("combined_data_1.txt", "train.txt", "test.txt"):
        (tmp_path / name).write_text("1:\n")
    for kind in ("netflix", "presplit"):
        assert choose_source(configure(reco_source=kind, reco_source_path=tmp_path)).name == kind


def test_the_home_folder_may_be_written_as_a_tilde(configure, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert choose_source(configure(reco_source_path="~")).files[0].parent == tmp_path


def test_movielens_asked_for_and_not_there_is_refused(configure):
    with pytest.raises(SourceError, match=r"no data for RECO_SOURCE=movielens\. Set RECO_SOURCE_PATH"):
        choose_source(configure(reco_source="movielens"))


@pytest.mark.parametrize("kind", ["netflix", "presplit"])
def test_a_movielens_release_is_not_taken_for_another_format(configure, add_release, kind):
    add_release("ml-latest-small", 1)
    with pytest.raises(SourceError, match=rf"no data for RECO_SOURCE={kind}\. Set RECO_SOURCE_PATH"):
        choose_source(configure(reco_source=kind))


def test_a_configured_folder_that_is_not_there_is_refused(configure, tmp_path):
    with pytest.raises(SourceError, match=r"absent: RECO_SOURCE_PATH is not a folder"):
        choose_source(configure(reco_source_path=tmp_path / "absent"))


def test_the_synthetic_shape_comes_from_the_settings(configure):
    settings = configure(synthetic_users=3, synthetic_movies=4, synthetic_ratings=5, reco_seed=6)
    assert settings.synthetic == SyntheticSettings(users=3, movies=4, ratings=5, seed=6)


@pytest.fixture
def loaded_from(configure):
    """Let the lakehouse remember that it was loaded from there."""

    def note(kind, folder=None):
        root = configure().storage.root
        remember(root, remembered_as(root, kind, folder))

    return note


@pytest.mark.parametrize("kind", ["movielens", "netflix", "presplit"])
def test_where_no_source_is_set_the_one_that_was_loaded_is_read_again(configure, loaded_from, tmp_path, kind):
    loaded_from(kind, tmp_path / "raw")
    assert choose_place(configure()) == Place(kind, tmp_path / "raw")
    assert choose_place(configure(reco_source=kind)) == Place(kind, tmp_path / "raw")
    assert choose_place(configure(reco_source_path=tmp_path / "raw")) == Place(kind, tmp_path / "raw")


def test_a_release_that_came_later_is_not_read_unasked(configure, loaded_from, add_release, tmp_path):
    loaded_from("netflix", tmp_path / "raw")
    release = add_release("ml-latest-small", 1)
    assert choose_place(configure()) == Place("netflix", tmp_path / "raw")
    assert choose_place(configure(reco_replace_source="on")) == Place("movielens", release)


def test_another_source_is_refused_and_the_message_names_both_and_the_ways_out(configure, loaded_from, tmp_path):
    loaded_from("movielens", tmp_path / "raw")
    settings = configure(reco_source="synthetic")
    with pytest.raises(SourceError) as refused:
        require_same_source(settings, choose_place(settings))
    for part in (
        f"holds movielens ({tmp_path}/raw)",
        "by synthetic data",
        "--replace-source",
        "RECO_REPLACE_SOURCE=on",
    ):
        assert part in str(refused.value)


@pytest.mark.parametrize("there", ["raw", "other"])
def test_only_the_same_kind_and_folder_are_the_same_source(configure, loaded_from, tmp_path, there):
    loaded_from("netflix", tmp_path / "raw")
    for kind in ("netflix", "presplit"):
        settings = configure(reco_source=kind, reco_source_path=tmp_path / there)
        if (kind, there) == ("netflix", "raw"):
            require_same_source(settings, choose_place(settings))
        else:
            with pytest.raises(SourceError, match="the run would replace that"):
                require_same_source(settings, choose_place(settings))


def test_a_run_that_says_so_may_replace_the_source(configure, loaded_from):
    loaded_from("synthetic")
    settings = configure(reco_source_path="/elsewhere", reco_replace_source="on")
    require_same_source(settings, choose_place(settings))


def test_a_folder_reached_by_a_link_is_the_same_source(configure, loaded_from, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "raw")
    loaded_from("movielens", tmp_path / "raw")
    settings = configure(reco_source_path=tmp_path / "link" / ".." / "link")
    require_same_source(settings, choose_place(settings))


def test_a_remembered_folder_that_is_gone_is_an_error_and_not_another_source(configure, loaded_from, tmp_path):
    loaded_from("movielens", tmp_path / "gone")
    with pytest.raises(
        SourceError, match=r"gone: the folder .* movielens ratings came from is gone.*once: reco etl --replace-source"
    ):
        choose_source(configure())


def test_the_place_is_said_in_words_whatever_is_wrong(configure, loaded_from, tmp_path):
    assert in_words(configure()) == "none yet"
    assert in_words(configure(reco_source="synthetic")) == "synthetic data"
    loaded_from("netflix", tmp_path / "raw")
    assert in_words(configure()) == f"netflix ({tmp_path}/raw)"
