"""Samplers: a part is registered by its import line."""

from synthdiff.samplers.ddim import DDIM
from synthdiff.samplers.dpmpp import DPMpp
from synthdiff.samplers.euler import EulerMaruyama
from synthdiff.samplers.heun import Heun
from synthdiff.samplers.predictor_corrector import PredictorCorrector
from synthdiff.samplers.sampler import Noise, Sampler, noise_from

__all__ = ["DDIM", "DPMpp", "EulerMaruyama", "Heun", "Noise", "PredictorCorrector", "Sampler", "noise_from"]
