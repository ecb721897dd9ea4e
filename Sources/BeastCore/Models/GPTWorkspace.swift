// SPDX-License-Identifier: MIT

/// What one pass of a ``GPT`` holds between its ops. It is kept from token to token, so that a step makes no tensor.
final class GPTWorkspace {
    let rows: Int
    let tokens: Int
    /// [rows * tokens], int32
    let codes: Tensor
    /// The residual stream [rows, tokens, D], float32.
    let stream: Tensor
    /// [rows, tokens, D], in the session's type of activations as all that follow.
    let normalised: Tensor
    /// [rows, tokens, 3 D]: query, key, value
    let qkv: Tensor
    /// [rows, tokens, D]
    let mixed: Tensor
    /// [rows, tokens, 4 D]
    let hidden: Tensor
    /// The last position alone, [rows, 1, D]: of each row an item, whose numbers do not depend on the other rows.
    let last: Tensor
    /// [rows, 1, codes], float32
    let logits: Tensor

    init(_ configuration: GPT.Configuration, rows: Int, tokens: Int, session: Session) throws(BackendError) {
        let (width, dtype) = (configuration.width, session.precision.activations)
        self.rows = rows
        self.tokens = tokens
        codes = try session.makeTensor([rows * tokens], dtype: .int32)
        stream = try session.makeTensor([rows, tokens, width])
        normalised = try session.makeTensor([rows, tokens, width], dtype: dtype)
        qkv = try session.makeTensor([rows, tokens, 3 * width], dtype: dtype)
        mixed = try session.makeTensor([rows, tokens, width], dtype: dtype)
        hidden = try session.makeTensor([rows, tokens, 4 * width], dtype: dtype)
        last = try session.makeTensor([rows, 1, width], dtype: dtype)
        logits = try session.makeTensor([rows, 1, configuration.codeCount])
    }
}
