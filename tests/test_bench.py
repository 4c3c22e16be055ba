"""What `make bench` makes of what it measured."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))
import conditions
import figures
import run

from resources.settings import Settings


def part(seconds=1.0, peak_mib=10.0, **stages):
    told = [{"stage": name, "seconds": took, "peak_mib": peak} for name, (took, peak) in stages.items()]
    return {"seconds": seconds, "peak_mib": peak_mib, "stages": told}


ETL = {"bronze": (1.0, 50.0), "silver": (2.0, 90.0), "split": (3.0, 70.0)}


def row(sizes, name, beside):
    found = [cells for cells in figures.rows(sizes) if (cells[1], cells[3]) == (name, beside)]
    return found[0] if found else None


def test_stages_that_belong_together_take_their_sum_and_the_greatest_memory():
    sizes = {"20m": {"main": part(**ETL), "main_by_hand": part(**ETL | {"silver": (1.0, 20.0)})}}
    assert row(sizes, "ETL", "polars + delta-rs")[2:] == (
        "6.00",
        "polars + delta-rs",
        "5.00",
        "1.20",
        "≤ 1.2 ✓",
        "90",
        "70",
    )


def test_what_was_measured_of_one_side_alone_is_left_out():
    assert row({"1m": {"main": part(**ETL)}}, "ETL", "polars + delta-rs") is None


def test_a_judgement_is_compared_without_the_lists_that_it_needs():
    fit = {"seconds": 9.0, "peak_mib": 9.0, "stages": [{"stage": "top-n", "seconds": 2.0, "peak_mib": 5.0}]}
    assert (
        row({"1m": {"main": part(evaluate=(5.0, 8.0)), "fit": fit}}, "evaluation beyond a top-10", "our top-10")[5]
        == "1.50"
    )


def test_growth_is_the_time_of_a_rating_at_20_million_by_that_at_1_million():
    sizes = {"1m": {"main": part(bronze=(1.0, 1.0))}, "20m": {"main": part(bronze=(30.0, 1.0))}}
    assert [*figures.by_size(sizes)] == [("bronze", "", "1.00", "", "30.00", "1.50 ✗")]


def test_the_page_is_changed_between_its_marks_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "plot", lambda *_: None)
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{figures.BEGIN}old\n{figures.END}after\n")
    told = {"processor": "a processor", "cores": 2, "memory_gib": 8.0, "python": "3.11", "commit": "abc"}
    sizes = {"1m": {"main": part(**ETL) | {"others": 0.3}}}
    for _ in range(2):
        figures.write_documents({"conditions": told, "sizes": sizes}, tmp_path)
    text = page.read_text()
    assert text.startswith(f"before\n{figures.BEGIN}")
    assert text.endswith(f"{figures.END}after\n")
    assert text.count("| bronze |") == 1
    assert "commit abc; before a part others kept at most 0.3 cores busy" in text
    assert "old" not in text


@pytest.mark.parametrize("size", figures.RATINGS)
def test_every_size_that_grows_has_files_of_so_many_ratings(size):
    import made_files

    assert made_files.SHAPES[size][2] == figures.RATINGS[size]


def test_the_peers_are_handed_what_ours_does():
    settings = Settings.of({"RANKING_RANK": 8, "TOP_N": 5, "TEST_FRACTION": 0.1})
    handed = conditions.asked(settings, cores=3)
    assert (handed.rank, handed.listed, handed.test, handed.cores) == (8, 5, 0.1, 3)
    assert handed.policy == settings.split.policy()


def test_settings_and_numbers_of_threads_in_the_environment_are_found():
    around = {"ALS_RANK": "32", "RECO_DEBUG": "1", "OMP_NUM_THREADS": "1", "PATH": "/bin", "JAVA_HOME": "/java"}
    assert conditions.set_by_hand(around) == ["ALS_RANK", "OMP_NUM_THREADS", "RECO_DEBUG"]


def test_a_part_of_another_commit_is_not_in_the_table():
    now = {"commit": "new", "cores": 2}
    kept = {"main": {"conditions": now}, "fit": {"conditions": now | {"commit": "old"}}, "drift": {}}
    assert run.as_now(now, kept) == {"main": kept["main"]}


def test_files_that_another_commit_made_are_made_anew(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(run, "make", lambda _, folder: made.append(folder.is_dir()) or folder.mkdir(exist_ok=True))
    for commit in ("old", "old", "new"):
        run.make_files("100k", tmp_path / "files", commit)
    assert made == [False, True, False]


def test_a_limit_that_is_not_kept_is_marked_and_named():
    sizes = {"20m": {"main": part(27.0, 7000.0), "main_by_hand": part(20.0, 100.0)}}
    assert row(sizes, "whole main job", "polars + implicit by hand")[6] == "≤ 1.3 ✗, ≤ 6,144 MiB ✗"
    assert len(figures.missed({"sizes": sizes})) == 1


def test_seconds_are_asked_of_the_smallest_files():
    sizes = {"ml-latest-small": {"cold": part(7.0), "import_dagster": part(0.6)}}
    assert row(sizes, "ml-latest-small, cold", "import dagster")[6] == "≤ 8 s ✓"
    assert figures.missed({"sizes": sizes}) == []
