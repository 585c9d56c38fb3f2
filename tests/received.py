"""What a consumer of pieces ends up with: the tensors of all verified files."""

from ckpt_analyzer.weights import FileStarted, FileVerified, TensorSlice


def received(pieces):
    """Return name → bytes of every tensor, by the protocol of ``ckpt_analyzer/weights.py``."""
    verified, present = {}, {}
    for piece in pieces:
        if isinstance(piece, FileStarted):
            present = {}
        elif isinstance(piece, TensorSlice):
            present.setdefault(piece.name, bytearray()).extend(piece.data)
        elif isinstance(piece, FileVerified):
            assert not present.keys() & verified.keys()
            verified |= present
            present = {}
    return {name: bytes(content) for name, content in verified.items()}
