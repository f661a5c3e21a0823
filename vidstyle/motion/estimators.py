"""The ways to find optical flow, by the names that settings have for them."""

from collections.abc import Mapping

import torch

from vidstyle.features.weights import OnProgress
from vidstyle.motion.flow import FlowEstimator, dis, farneback, no_flow
from vidstyle.motion.raft import Raft, fetch_raft, raft_file
from vidstyle.settings import FlowName

WITHOUT_FILTERS: Mapping[FlowName, FlowEstimator] = {"dis": dis, "farneback": farneback, "none": no_flow}


def prepare_flow(name: FlowName, on_progress: OnProgress) -> None:
    """Fetches what an estimator needs and is not kept here; raises WeightsError."""
    if name not in WITHOUT_FILTERS and not raft_file(name).exists():
        fetch_raft(name, on_progress)


def flow_estimator(name: FlowName, device: torch.device) -> FlowEstimator:
    """The estimator of a name; RAFT works on `device` and fetches its filters where they are not kept."""
    return WITHOUT_FILTERS[name] if name in WITHOUT_FILTERS else Raft.load(name, device)
