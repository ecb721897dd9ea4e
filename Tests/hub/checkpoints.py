# SPDX-License-Identifier: MIT
"""Checkpoints in upstream's layout, written without PyTorch, and safetensors, read without its library."""
import array, json, random, struct, zipfile


def model_file(model):
    """Repository and file of a model of the catalogue that has one file of its own."""
    return f"eminorhan/{model}", f"{model}.pth"


class TrainingCheckpoint:
    """A zip as `torch.save` writes it: a teacher among what a training run keeps beside it.

    Numbers are small and random, the same for the same seed.
    """

    def __init__(self, path, tensors, prefix="module.backbone.", seed=1, bulk=2):
        """Writes it. `bulk` is how many times the teacher's size everything else has."""
        self.zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)
        self.count, self.random = 0, random.Random(seed)
        # Long enough to differ from tensor to tensor, short enough to be made quickly.
        self.numbers = array.array("f", (self.random.uniform(-0.05, 0.05) for _ in range(1 << 16))).tobytes()
        pending = []
        others = {f"student{part}": {prefix + name: shape for name, shape in tensors} for part in range(bulk)}
        tree = {"teacher": {prefix + name: shape for name, shape in tensors} | {"module.head.last.weight": [64, 32]},
                **others}
        body = b"\x80\x02}("
        for key, names in tree.items():
            body += self.text(key) + b"}("
            for name, shape in names.items():
                body += self.text(name) + self.tensor(shape, pending)
            body += b"u"
        body += self.text("epoch") + b"K\x05" + b"u."
        # The pickle comes first in the archive, as PyTorch has it.
        self.zip.writestr("archive/data.pkl", body)
        for key, size in pending:
            start = self.random.randrange(0, 1 << 16) * 4
            rotated = self.numbers[start:] + self.numbers[:start]
            with self.zip.open(f"archive/data/{key}", "w", force_zip64=False) as member:
                for position in range(0, size, len(rotated)):
                    member.write(rotated[:min(len(rotated), size - position)])
        self.zip.writestr("archive/version", b"3\n")
        self.zip.close()

    @staticmethod
    def text(value):
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()

    @staticmethod
    def integer(value):
        return b"J" + struct.pack("<i", value)

    def tuple(self, items):
        return b"(" + b"".join(items) + b"t"

    def tensor(self, shape, pending):
        count = 1
        for size in shape:
            count *= size
        strides = [1] * len(shape)
        for axis in reversed(range(len(shape) - 1)):
            strides[axis] = strides[axis + 1] * shape[axis + 1]
        key = str(self.count)
        self.count += 1
        pending.append((key, count * 4))
        storage = self.tuple([self.text("storage"), b"ctorch\nFloatStorage\n", self.text(key), self.text("cpu"),
                              self.integer(count)]) + b"Q"
        hooks = b"ccollections\nOrderedDict\n)R"
        integers = lambda values: self.tuple([self.integer(value) for value in values])
        return b"ctorch._utils\n_rebuild_tensor_v2\n" + self.tuple(
            [storage, self.integer(0), integers(shape), integers(strides), b"\x89", hooks]) + b"R"


def read_safetensors(path):
    """Header metadata, and type, shape and bytes of every tensor."""
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    return metadata, {name: (entry["dtype"], entry["shape"], data[slice(*entry["data_offsets"])])
                      for name, entry in header.items()}
