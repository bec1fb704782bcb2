"""Dropout: drawn by the step's generator, in training only."""

import torch
from autoregressive_for_tests import make


def test_every_network_with_dropout_draws_it_from_the_generator():
    for kind in ("pixelsnail", "imagegpt"):
        model, features, _ = make(kind, (1, 5, 5), dropout=0.5)
        exact = -model.log_likelihood(features).mean()
        state = torch.get_rng_state()
        model.train()
        losses = [
            model(features, None, torch.Generator().manual_seed(seed), "model").total.detach()
            for seed in (0, 0, 1)
        ]
        assert torch.equal(torch.get_rng_state(), state)
        assert torch.equal(losses[0], losses[1])
        assert not torch.isclose(losses[0], losses[2])
        assert not torch.isclose(losses[0], exact)
        model.eval()
        told = model(features, None, torch.Generator(), "model").total
        torch.testing.assert_close(told, exact)
