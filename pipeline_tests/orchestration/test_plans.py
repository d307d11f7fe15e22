"""Which runs the sensors ask for, case by case."""

from __future__ import annotations

from datetime import date, timedelta

from pipeline.orchestration.plans import (
    ATTEMPTS,
    DAYS_A_TICK,
    FILES_A_TICK,
    Ended,
    Try,
    pause_after,
    plan_inbox,
    plan_windows,
    remember,
)

NOW = 1_000_000.0


def landed(*keys: str) -> dict[str, str]:
    return {key: f"landing of {key}" for key in keys}


def asked(plan: object) -> list[tuple[str, ...]]:
    return [stretch.deliveries for stretch in plan.stretches]  # type: ignore[attr-defined]


def test_on_a_clean_slate_all_files_go_into_one_run_and_become_partitions_in_order() -> None:
    plan = plan_inbox(landed("b.csv", "a.csv", "c.csv"), [], set(), {}, NOW)
    assert plan.new_keys == ("a.csv", "b.csv", "c.csv")
    assert asked(plan) == [("a.csv", "b.csv", "c.csv")]


def test_nothing_is_asked_for_when_nothing_waits() -> None:
    plan = plan_inbox({}, ["a.csv"], set(), {}, NOW)
    assert not plan.stretches and not plan.new_keys


def test_files_of_a_run_under_way_are_not_asked_for_again() -> None:
    plan = plan_inbox(landed("a.csv", "b.csv", "c.csv"), ["a.csv", "b.csv"], {"a.csv", "b.csv"}, {}, NOW)
    assert asked(plan) == [("c.csv",)]
    assert plan.new_keys == ("c.csv",)


def test_a_new_version_of_a_known_file_is_a_stretch_of_its_own() -> None:
    plan = plan_inbox(landed("a.csv", "x.csv", "y.csv"), ["a.csv", "b.csv"], set(), {}, NOW)
    assert asked(plan) == [("a.csv",), ("x.csv", "y.csv")]


def test_a_file_sorted_before_the_known_ones_still_gives_ranges_in_the_order_of_registration() -> None:
    plan = plan_inbox(landed("0.csv", "b.csv"), ["a.csv", "b.csv"], set(), {}, NOW)
    assert asked(plan) == [("b.csv", "0.csv")]


def test_many_files_are_cut_into_runs_of_a_hundred() -> None:
    plan = plan_inbox(landed(*(f"{n:03d}.csv" for n in range(250))), [], set(), {}, NOW)
    assert [len(keys) for keys in asked(plan)] == [100, 100, 50]


def test_one_tick_takes_a_few_hundred_files_and_leaves_the_rest_to_the_next() -> None:
    waiting = landed(*(f"{n:05d}.csv" for n in range(10_000)))
    plan = plan_inbox(waiting, [], set(), {}, NOW)
    assert len(plan.new_keys) == FILES_A_TICK
    assert plan.left == 10_000 - FILES_A_TICK


def test_files_of_a_failed_run_rest_and_are_then_tried_in_smaller_runs() -> None:
    keys = [f"{n:02d}.csv" for n in range(25)]
    tries = remember({}, landed(*keys), [Ended(keys, failed=True, at=NOW)])
    assert plan_inbox(landed(*keys), keys, set(), tries, NOW + 1).stretches == ()
    assert len(plan_inbox(landed(*keys), keys, set(), tries, NOW + 1).resting) == 25
    plan = plan_inbox(landed(*keys), keys, set(), tries, NOW + 60)
    assert [len(stretch) for stretch in asked(plan)] == [10, 10, 5]
    tries = remember(tries, landed(*keys), [Ended(keys, failed=True, at=NOW)])
    plan = plan_inbox(landed(*keys), keys, set(), tries, NOW + 1_000)
    assert all(len(stretch) == 1 for stretch in asked(plan))


def test_pauses_grow_and_end() -> None:
    assert [pause_after(n) for n in (0, 1, 2, 3)] == [0, 10, 40, 160]
    assert pause_after(50) == 1_800


def test_a_landing_that_keeps_failing_is_given_up_until_a_new_version_lands() -> None:
    tries = {"a.csv": Try("landing of a.csv", ATTEMPTS, NOW)}
    plan = plan_inbox(landed("a.csv"), ["a.csv"], set(), tries, NOW + 1e6)
    assert plan.given_up == ("a.csv",) and not plan.stretches
    newer = {"a.csv": "another landing"}
    assert asked(plan_inbox(newer, ["a.csv"], set(), remember(tries, newer, []), NOW + 1e6)) == [("a.csv",)]


def test_a_file_that_a_successful_run_left_behind_is_asked_for_again_at_once() -> None:
    tries = remember({}, landed("a.csv"), [Ended(["a.csv"], failed=False, at=NOW)])
    plan = plan_inbox(landed("a.csv"), ["a.csv"], set(), tries, NOW)
    assert asked(plan) == [("a.csv",)]
    assert plan.stretches[0].attempts == 1


def test_what_is_remembered_is_bounded_and_holds_only_what_waits() -> None:
    many = [f"{n}.csv" for n in range(5_000)]
    assert len(remember({}, landed(*many), [Ended(many, failed=True, at=NOW)])) == 2_000
    assert remember({"gone.csv": Try("x", 1, NOW)}, {}, []) == {}


def test_after_several_failures_in_a_row_one_run_at_a_time_feels_its_way() -> None:
    waiting = landed(*(f"{n:03d}.csv" for n in range(250)))
    assert len(plan_inbox(waiting, [], set(), {}, NOW, streak=3).stretches) == 1
    assert not plan_inbox(waiting, [], set(), {}, NOW, streak=3, busy=True).stretches


ORDER = [date(2026, 1, number).isoformat() for number in range(1, 32) if number != 7]
"""Day partitions: a January, of which one day has no windows."""


def days(*numbers: int) -> set[date | None]:
    return {date(2026, 1, number) for number in numbers}


def span(first: int, last: int) -> tuple[str, str]:
    return f"2026-01-{first:02d}", f"2026-01-{last:02d}"


def test_neighbouring_dirty_days_are_one_span() -> None:
    assert plan_windows(days(3, 4, 5, 9), ORDER, []).spans == (span(3, 5), span(9, 9))


def test_days_between_which_none_exists_are_neighbours() -> None:
    assert plan_windows(days(5, 6, 8, 9), ORDER, []).spans == (span(5, 9),)


def test_a_span_follows_the_order_of_the_partitions() -> None:
    late = [*ORDER[1:], ORDER[0]]
    assert plan_windows(days(1, 2, 3), late, []).spans == (span(2, 3), span(1, 1))


def test_days_that_a_run_under_way_covers_are_left_to_it() -> None:
    plan = plan_windows(days(3, 4, 5), ORDER, {"2026-01-03", "2026-01-04"})
    assert plan.spans == (span(5, 5),)
    assert plan_windows(days(3), ORDER, [], all_covered=True) == plan_windows(set(), ORDER, [])


def test_days_that_are_no_partitions_and_lone_totals_take_a_run_without_partitions() -> None:
    assert plan_windows({date(1987, 1, 1)}, ORDER, []).everything
    assert plan_windows({date(2030, 1, 1), *days(4)}, ORDER, []).everything
    assert plan_windows({None}, ORDER, []).everything


def test_scattered_days_take_one_run_over_everything() -> None:
    assert plan_windows(days(1, 3, 5, 8, 10, 12, 14), ORDER, []).everything


def test_years_of_days_take_one_run_over_everything() -> None:
    years = [(date(2026, 1, 1) + timedelta(days=n)).isoformat() for n in range(DAYS_A_TICK + 1)]
    many: set[date | None] = {date.fromisoformat(day) for day in years}
    assert plan_windows(many, years, []).everything
    assert plan_windows(many - {date(2026, 1, 1)}, years, []).spans == ((years[1], years[-1]),)
