#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The networks of ECG-ATK-GAN (section 2.2 of the paper) in PyTorch, as a reference for those in Swift.

Without options: one training step of the discriminator and one gradient of the generator, in double precision, on weights and
windows made by a formula that both sides know; prints the figures as JSON (kept in training_step.json beside this file).

With --time: the time of one training step of the discriminator, batch 64 (forward, cross-entropy and attack loss, backward,
Adam), as JSON.
"""
import argparse
import json
import math
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

LENGTH, CLASSES, SLOPE = 280, 4, 0.2


def same(x, kernel, stride=1, dilation=1):
    """Pads with zeros as TensorFlow's "same" does: the odd one on the right."""
    total = max((math.ceil(x.shape[-1] / stride) - 1) * stride + (kernel - 1) * dilation + 1 - x.shape[-1], 0)
    return F.pad(x, (total // 2, total - total // 2))


class Block(nn.Module):
    """Convolution, batch normalisation, leaky rectifier."""

    def __init__(self, inputs, outputs, kernel=3, stride=1, dilation=1, transposed=False):
        super().__init__()
        self.kernel, self.stride, self.dilation, self.transposed = kernel, stride, dilation, transposed
        if transposed:
            self.convolution = nn.ConvTranspose1d(inputs, outputs, kernel, stride=stride, bias=False)
        else:
            self.convolution = nn.Conv1d(inputs, outputs, kernel, stride=stride, dilation=dilation, bias=False)
        self.normalization = nn.BatchNorm1d(outputs, eps=1e-3, momentum=0.02)

    def convolve(self, x):
        if not self.transposed:
            return self.convolution(same(x, self.kernel, self.stride, self.dilation))
        cut = max(self.kernel - self.stride, 0)
        return self.convolution(x)[..., cut // 2:cut // 2 + self.stride * x.shape[-1]]

    def activate(self, features):
        return F.leaky_relu(self.normalization(features), SLOPE)

    def forward(self, x):
        return self.activate(self.convolve(x))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.names = ["des1", "down1", "des2", "down2", "des3", "down3"]
        inputs = 1
        for name, outputs in zip(self.names, [16, 16, 32, 32, 128, 128]):
            self.add_module(name, Block(inputs, outputs, stride=2 if name.startswith("down") else 1))
            inputs = outputs
        for head, outputs in [("class", CLASSES), ("attack", 1), ("real", 1)]:
            self.add_module(head, nn.Linear(inputs * LENGTH // 8, outputs))

    def forward(self, windows):
        x = windows[:, None]
        for name in self.names:
            x = self.get_submodule(name)(x)
        flat = x.transpose(1, 2).flatten(1)  # position by position, as in Swift
        return [self.get_submodule(head)(flat) for head in ("class", "attack", "real")]


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        inputs = 1 + CLASSES + 1
        for number, features in enumerate([32, 64, 128], 1):
            self.add_module(f"residual{number}", Block(inputs, features))
            self.add_module(f"sdc{number}", Block(features, features, kernel=2, dilation=2))
            self.add_module(f"down{number}", Block(features, features, stride=2))
            inputs = features
        for number, features in enumerate([128, 64, 32], 1):
            self.add_module(f"up{number}", Block(inputs, features, stride=2, transposed=True))
            inputs = features
        self.output = nn.Conv1d(inputs, 1, 3)

    def forward(self, windows, labels, noise):
        classes = F.one_hot(labels, CLASSES).to(windows.dtype)[..., None].expand(-1, -1, LENGTH)
        x = torch.cat([windows[:, None], classes, noise[:, None]], 1)
        branches = []
        for number in (1, 2, 3):
            residual = self.get_submodule(f"residual{number}")
            features = residual.convolve(x)
            x = features + residual.activate(features)
            branches.append(self.get_submodule(f"sdc{number}")(x))
            x = self.get_submodule(f"down{number}")(x)
        for number in (1, 2, 3):
            x = self.get_submodule(f"up{number}")(x) + branches.pop()
        return torch.sigmoid(self.output(same(x, 3)))[:, 0]


def to_swift(name, tensor):
    """A tensor as Swift lays it out: convolutions (kernel, in, out), transposed ones (kernel, out, in), dense (in, out)."""
    if tensor.dim() == 3:
        return tensor.permute(2, 1, 0)
    return tensor.t() if tensor.dim() == 2 else tensor


def swift_name(name):
    return name.replace("normalization.weight", "normalization.gamma").replace("normalization.bias", "normalization.beta")


def fill(module):
    """Weights by the formula: sines of the index, whose phase is the tensor's name."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            target = to_swift(name, parameter)
            phase = float(sum(swift_name(name).encode()) % 97)
            wave = torch.sin(1.7 * torch.arange(target.numel(), dtype=torch.float64) + phase).reshape(target.shape)
            if parameter.dim() == 1:
                values = 0.1 * wave + (1 if name.endswith("normalization.weight") else 0)
            else:
                values = wave / math.sqrt(target.numel() / target.shape[-1])
            target.copy_(values)


def wave(rows, pace, phase):
    """(rows, 280) values in [0,1]."""
    row, column = torch.arange(rows, dtype=torch.float64)[:, None], torch.arange(LENGTH, dtype=torch.float64)[None]
    return 0.5 + 0.5 * torch.sin(pace * (row + 1) * column + phase * row)


def figures(module, gradients):
    """For each tensor: the sum of its gradient's absolute values, and some values, at places where they are not tiny."""
    result = {}
    for name, parameter in module.named_parameters():
        gradient = to_swift(name, gradients[name]).flatten()
        large = [i for i in range(gradient.numel()) if abs(gradient[i]) > 0.05 * gradient.abs().max()]
        chosen = large[:: max(len(large) // 4, 1)][:5]
        result[swift_name(name)] = {
            "gradient_absolute_sum": gradient.abs().sum().item(),
            "indices": chosen,
            "gradients": [gradient[i].item() for i in chosen],
            "after": [to_swift(name, parameter.detach()).flatten()[i].item() for i in chosen],
        }
    return result


def discriminator_reference():
    torch.set_default_dtype(torch.float64)
    network, batch = Discriminator(), 4
    fill(network)
    # With this phase no input of a rectifier is nearer to its kink than 4e-5: single precision is on the same side of all.
    windows, labels = wave(batch, 0.045, 2.94), torch.arange(batch) % CLASSES
    attacked = (torch.arange(batch) % 2).to(windows.dtype)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999), eps=1e-7)

    def losses():
        classes, attack, real = network(windows)
        terms = {
            "class": F.cross_entropy(classes, labels),
            "attack": (torch.sigmoid(attack[:, 0]) - attacked).abs().mean(),
            "adversarial": ((torch.sigmoid(real[:, 0]) - 1) ** 2).mean(),
        }
        return terms, 10 * terms["class"] + 10 * terms["attack"] + terms["adversarial"]

    terms, total = losses()
    total.backward()
    gradients = {name: parameter.grad.clone() for name, parameter in network.named_parameters()}
    running = network.down3.normalization.running_mean.tolist()[:5]
    optimizer.step()
    tensors = figures(network, gradients)
    return {
        "losses": {name: term.item() for name, term in terms.items()}, "tensors": tensors,
        "running_mean_down3": running, "losses_after": {name: term.item() for name, term in losses()[0].items()},
    }


def generator_reference():
    torch.set_default_dtype(torch.float64)
    network, batch = Generator(), 4
    fill(network)
    windows, noise, labels = wave(batch, 0.045, 0.8), wave(batch, 0.013, 0.3), torch.arange(batch) % CLASSES
    output = network(windows, labels, noise)
    loss = ((output - windows) ** 2).mean()
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    places = list(range(0, batch * LENGTH, 97))
    return {
        "loss": loss.item(), "places": places, "output": [output.flatten()[i].item() for i in places],
        "tensors": figures(network, gradients),
    }


def time_steps(threads, steps):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    network, batch = Discriminator(), 64
    windows, labels = torch.rand(batch, LENGTH), torch.arange(batch) % CLASSES
    attacked = (torch.arange(batch) % 2).float()
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True)

    def step():
        optimizer.zero_grad()
        classes, attack, _ = network(windows)
        loss = F.cross_entropy(classes, labels) + F.binary_cross_entropy_with_logits(attack[:, 0], attacked)
        loss.backward()
        optimizer.step()

    for _ in range(5):
        step()
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return {"torch": torch.__version__, "threads": threads, "median_ms": statistics.median(times)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time", action="store_true", help="time training steps instead")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    if options.time:
        print(json.dumps(time_steps(options.threads, options.steps)))
    else:
        torch.set_num_threads(1)
        print(json.dumps({
            "made_by": "discriminator_step.py", "torch": torch.__version__, "discriminator": discriminator_reference(),
            "generator": generator_reference(),
        }, indent=1))
