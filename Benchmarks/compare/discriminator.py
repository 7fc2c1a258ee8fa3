"""The deployed discriminator in PyTorch and in ONNX Runtime, from the shipped weights file."""
import json
import struct

import numpy as np

LENGTH, CLASSES, SLOPE, EPSILON = 280, 4, 0.2, 1e-3
# Name, features, kernel, stride, residual: as in DiscriminatorArchitecture.hardened.
BLOCKS = [("stem", 32, 9, 2, False), ("down1", 64, 5, 2, False), ("des1", 64, 5, 1, True), ("down2", 128, 5, 2, False),
          ("des2", 128, 3, 1, True)]
ATTACK = [("attack.des1", 16, 3, 1, False), ("attack.down1", 16, 3, 2, False), ("attack.des2", 32, 3, 1, False),
          ("attack.down2", 32, 3, 2, False), ("attack.des3", 64, 3, 1, False), ("attack.down3", 64, 3, 2, False)]


def read_safetensors(path):
    """Tensors of a safetensors file by name."""
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            tensors[name] = np.frombuffer(data[first:last], np.float32).reshape(entry["shape"])
    return tensors


def folded(tensors, blocks):
    """Weights (out, in, taps) and shifts of each block, the normalisation folded in, and its padding."""
    layers, length = [], LENGTH
    for name, features, kernel, stride, residual in blocks:
        scale = tensors[name + ".normalization.gamma"] / np.sqrt(
            tensors[name + ".normalization.running_variance"] + EPSILON)
        weight = tensors[name + ".convolution.weight"] * scale
        shift = tensors[name + ".normalization.beta"] - tensors[name + ".normalization.running_mean"] * scale
        out = -(-length // stride)
        total = max((out - 1) * stride + kernel - length, 0)
        layers.append((np.ascontiguousarray(weight.transpose(2, 1, 0)), shift, stride, total // 2, total - total // 2,
                       residual))
        length = out
    return layers, length


def heads(tensors, names, length):
    """Weight over channel-major features, and shift."""
    weight = np.concatenate([tensors[name + ".weight"] for name in names], axis=1)
    channels = weight.shape[0] // length
    weight = weight.reshape(length, channels, -1).transpose(1, 0, 2).reshape(length * channels, -1)
    return np.ascontiguousarray(weight), np.concatenate([tensors[name + ".bias"] for name in names])


def torch_module(path):
    """A module: windows (B, 280) to class logits (B, 4) and attack logits (B, 1)."""
    import torch
    import torch.nn.functional as F

    tensors = read_safetensors(path)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.stacks = []
            for blocks, names in ((BLOCKS, ["class"]), (ATTACK, ["attack"])):
                layers, length = folded(tensors, blocks)
                for number, layer in enumerate(layers):
                    for part, value in (("w", layer[0]), ("b", layer[1])):
                        self.register_buffer(f"{names[0]}{number}{part}", torch.tensor(value))
                weight, shift = heads(tensors, names, length)
                self.register_buffer(names[0] + "w", torch.tensor(weight))
                self.register_buffer(names[0] + "b", torch.tensor(shift))
                self.stacks.append((names[0], [layer[2:] for layer in layers]))

        def forward(self, windows):
            results = []
            for name, layers in self.stacks:
                x = windows[:, None, :]
                for number, (stride, left, right, residual) in enumerate(layers):
                    y = F.conv1d(F.pad(x, (left, right)), getattr(self, f"{name}{number}w"),
                                 getattr(self, f"{name}{number}b"), stride=stride)
                    y = F.leaky_relu(y, SLOPE)
                    x = x + y if residual else y
                results.append(x.flatten(1) @ getattr(self, name + "w") + getattr(self, name + "b"))
            return tuple(results)

    return Network().eval()


def onnx_model(path):
    """The same as an ONNX model, its batch free."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    tensors = read_safetensors(path)
    nodes, initializers, outputs = [], [numpy_helper.from_array(np.array([1], np.int64), "one")], []
    nodes.append(helper.make_node("Unsqueeze", ["windows", "one"], ["x"]))
    for blocks, name in ((BLOCKS, "class"), (ATTACK, "attack")):
        layers, length = folded(tensors, blocks)
        x = "x"
        for number, (weight, shift, stride, left, right, residual) in enumerate(layers):
            key = f"{name}{number}"
            initializers += [numpy_helper.from_array(weight, key + "w"), numpy_helper.from_array(shift, key + "b")]
            nodes.append(helper.make_node("Conv", [x, key + "w", key + "b"], [key + "c"], pads=[left, right],
                                          strides=[stride]))
            nodes.append(helper.make_node("LeakyRelu", [key + "c"], [key + "a"], alpha=SLOPE))
            if residual:
                nodes.append(helper.make_node("Add", [x, key + "a"], [key + "r"]))
            x = key + ("r" if residual else "a")
        weight, shift = heads(tensors, [name], length)
        initializers += [numpy_helper.from_array(weight, name + "w"), numpy_helper.from_array(shift, name + "b")]
        nodes.append(helper.make_node("Flatten", [x], [name + "f"], axis=1))
        nodes.append(helper.make_node("Gemm", [name + "f", name + "w", name + "b"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", len(shift)]))
    graph = helper.make_graph(
        nodes, "discriminator", [helper.make_tensor_value_info("windows", TensorProto.FLOAT, ["batch", LENGTH])],
        outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def onnx_session(path, threads=1):
    """A session of ONNX Runtime on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(onnx_model(path), options, providers=["CPUExecutionProvider"])
