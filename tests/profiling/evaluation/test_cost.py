"""The figures of ``pathprint bench`` fit together; how large they are is measured, not tested."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.models.zoo import catalogue
from pathprint.profiling.cli.main import main
from pathprint.profiling.evaluation.cost import cost, with_what_it_has
from pathprint.profiling.evaluation.plain import all_ways
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.tiers import TIERS
from pathprint.profiling.paths.borderline import borderline
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.signatures.counts import ClassSignatures

FIELDS = {
    *("network", "batch", "threads", "plain_ms", "detect_ms", "ratio", "extract_ms"),
    *("contributions_per_s", "peak_mb", "borderline", "plain", "as_given_ms", "as_given_ratio", "ways", "left_out"),
}


def test_bench_prints_every_figure(
    bundle_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--network", "digits-cnn", "--batch", "4", "--bundle", str(bundle_folder), "--json"]
    monkeypatch.setattr("sys.argv", ["pathprint", "bench", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() >= FIELDS
    assert (printed["network"], printed["batch"]) == ("digits-cnn", 4)
    assert printed["detect_ms"].keys() == {"fast", "standard", "thorough"}
    for tier, ms in printed["detect_ms"].items():
        assert printed["ratio"][tier] == pytest.approx(ms / printed["plain_ms"])
        assert printed["as_given_ratio"][tier] == pytest.approx(ms / printed["as_given_ms"])
    counted = printed["clean_images"]
    assert (counted["reached"], counted["mean"], counted["percentile99"]) == ([1.0], 2.0, 2.0)
    assert counted["images"] > 100


def test_plain_inference_is_the_fastest_way_and_all_are_listed() -> None:
    module, preprocessing, labels = catalogue.opened("digits-cnn")
    extractor = Extractor(Network.capture(module, preprocessing, labels), Policy(layers=1))
    found = cost(extractor, module, torch.rand(2, 1, 8, 8), rounds=10)
    longest = {timed.way.name: timed.ms for timed in found.ways if timed.rounds == 10}
    assert found.plain_ms == min(longest.values()) == longest[found.plain]
    given = [longest[f"module, {layout}, 2 at a time"] for layout in ("contiguous", "channels-last")]
    assert found.as_given_ms == min(given)
    listed = {way["name"]: way for way in found.to_dict()["ways"]}
    assert listed.keys() == {way.name for way in all_ways(2, torch.get_num_threads())}
    assert listed[found.plain].keys() == {"name", "ran", "layout", "chunk", "split", "ms", "rounds"}


def test_each_tier_is_timed_with_what_its_bundles_have(extractor: Extractor, signatures: ClassSignatures) -> None:
    made = {tier: with_what_it_has(FeatureMaker(extractor, signatures), tier).probes is not None for tier in TIERS}
    assert made == {"fast": True, "standard": False, "thorough": False}


def test_cost_counts_contributions_of_wanted_units() -> None:
    module, preprocessing, labels = catalogue.opened("digits-cnn")
    extractor = Extractor(Network.capture(module, preprocessing, labels), Policy(layers=1))
    found = cost(extractor, module, torch.rand(2, 1, 8, 8), rounds=10)
    last = [m for m in module.modules() if isinstance(m, nn.Linear)][-1]
    # One wanted unit per image, the predicted class, which sees all inputs of the last layer.
    assert found.contributions_per_s * found.extract_ms / 1e3 == pytest.approx(last.in_features)
    assert found.layers == 1


@pytest.mark.parametrize(("weight", "expected"), [([0.5, 0.5], 1), ([0.5, 0.5 + 1e-7], 1), ([0.7, 0.3], 0)])
def test_unit_is_borderline_where_half_of_it_is_just_reached(weight: list[float], expected: int) -> None:
    linear = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([weight, [-1.0, -1.0]]))
    network = Network.capture(nn.Sequential(nn.Flatten(), linear), Preprocessing(1, (1, 2), 1, (0.0,), (1.0,)))
    assert borderline(Extractor(network), torch.ones(3, 1, 1, 2)) == (3 * expected, 3)
