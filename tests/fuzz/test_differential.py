"""A slice of the search of tests.fuzz.run: encoder = reference = kernel, and policies as well."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.fuzz import policies
from tests.fuzz.kernels import STAGE
from tests.fuzz.run import Run
from verifier.evidence.kernel.client import Kernel, unavailable
from verifier.evidence.kernel.records import Backend

SEED = os.environ.get("CHAINPROOF_SEED") or "suite"
LONG = 10 if os.environ.get("CHAINPROOF_FUZZ") == "long" else 1


@pytest.fixture(scope="module", params=list(Backend), ids=lambda backend: backend.value)
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    backend: Backend = request.param
    missing = unavailable(backend)
    if missing:
        pytest.skip(missing)
    with Kernel(STAGE, backend) as made:
        yield made


def agreed(run: Run, worlds: int, packets: int) -> None:
    for number in range(worlds * LONG):
        run.world(number, packets)
        assert not run.found, f"{run.found[0].text}, see {run.pages}"


def test_encoder_is_reference() -> None:
    run = Run(SEED, {})
    agreed(run, 60, 120)
    assert run.figures.packets["encoder"] == run.packets


def test_kernel_is_reference(kernel: Kernel) -> None:
    run = Run(f"{SEED} {kernel.backend.value}", {kernel.backend: kernel})
    agreed(run, 25, 160)
    assert run.figures.packets[kernel.backend.value] > run.packets / 2, run.figures.apart


def test_policies() -> None:
    compared, pages = policies.search(SEED, 60 * LONG)
    assert compared > 10_000 * LONG
    assert not pages
