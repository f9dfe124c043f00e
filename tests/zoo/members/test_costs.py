"""What training takes is reckoned from the table by arithmetic that can be followed by hand."""

import pytest

from zoo.members import load_member, with_settings
from zoo.members.costs import Cost, cost_of, estimate, network_of, read_costs, table_lines


def fixed(cost):
    return lambda recipe: cost


def test_an_estimate_by_hand():
    member = with_settings(load_member("resnet18-fc-t5"), {"batch": 10, "epochs": 5})
    found = estimate(member, fixed(Cost(100_000_000, 50.0, 1000.0, "unknown")))
    # 0.7 + 100 M x 16 bytes + 10 scenes of half of 1 GB; 5 x 16,423 scenes x 150 GMACs at 5,000 a second.
    assert found.gpu_gb == pytest.approx(0.7 + 1.6 + 5.0)
    assert found.cpu_gb == pytest.approx(0.7 + 1.6 + 10.0)
    assert found.gpu_hours == pytest.approx(5 * 20_529 * 0.8 * 150 / 5000 / 3600, abs=0.05)


def test_crops_take_their_share_of_memory_and_the_time_of_whole_scenes():
    whole = with_settings(load_member("lite0-fc-t5"), {"crop": 0})
    cropped = with_settings(whole, {"crop": 128})
    cost = fixed(Cost(0, 100.0, 1000.0, "unknown"))
    assert estimate(cropped, cost).gpu_gb - 0.7 == pytest.approx((estimate(whole, cost).gpu_gb - 0.7) / 4, abs=0.05)
    assert estimate(cropped, cost).gpu_hours == estimate(whole, cost).gpu_hours


def test_stages_add_up_in_time_and_the_dearest_counts_in_memory():
    staged = load_member("convnextv2_base-fc-t5-384-staged")
    per_stage = [estimate(stage) for stage in staged.staged]
    assert estimate(staged).gpu_gb == max(one.gpu_gb for one in per_stage)
    assert estimate(staged).gpu_hours == pytest.approx(sum(one.gpu_hours for one in per_stage), abs=0.3)
    assert cost_of(staged) == cost_of(staged.final)


def test_a_network_of_ones_own_is_not_listed():
    member = with_settings(load_member("resnet18-fc-t5"), {"size": 1024})
    assert cost_of(member) is None
    assert estimate(member) is None
    assert cost_of(with_settings(member, {"size": 256, "lr": 0.5})) == cost_of(load_member("resnet18-fc-t5"))


def test_the_table_comes_back_as_it_was_written(tmp_path):
    member = with_settings(load_member("lite0-fc-t5"), {"decoder_channels": [64, 32, 16, 8, 4]})
    costs = {network_of(member): Cost(123, 4.5, 6.7, "unknown")}
    (tmp_path / "costs.csv").write_text(table_lines(costs))
    assert read_costs(tmp_path / "costs.csv") == costs
