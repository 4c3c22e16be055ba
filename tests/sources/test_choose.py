"""Which source a run reads."""

import os

import pytest

from reco_assets.sources.choose import choose_source, default_folder, raw_folder, synthetic_shape
from reco_assets.sources.source import SourceError
from reco_assets.sources.synthetic import Shape
from resources.settings import load_settings


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


def test_with_nothing_configured_and_an_empty_lakehouse_the_data_is_synthetic(configure):
    assert choose_source(configure()).name == "synthetic"


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
    assert choose_source(configure()).name == "synthetic"


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
    assert synthetic_shape(settings) == Shape(users=3, movies=4, ratings=5, seed=6)
