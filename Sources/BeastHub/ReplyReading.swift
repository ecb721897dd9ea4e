// SPDX-License-Identifier: MIT

/// Reads what a hub means by a reply that is no success (hub.md's table of errors is Python's `hf_raise_for_status`).
struct ReplyReading {
    let file: HubFile
    let settings: HubSettings

    /// What a status says.
    /// - Parameters:
    ///   - isOfHub: whether the endpoint itself answered, and not a storage server behind it.
    ///   - now: seconds since 1970.
    func failure(_ headers: HTTPHeaders, isOfHub: Bool, now: Int64) -> AttemptFailure {
        let status = headers.status
        switch status {
        case 408, 429, 500, 502, 503, 504:
            return .passing(
                PassingFailure(
                    reason: "\(isOfHub ? "the hub" : "the storage server") answers \(answer(headers))", status: status,
                    requestedSeconds: requestedSeconds(headers, now: now)))
        case 401 where !isOfHub, 403 where !isOfHub: return .expired(status: status)
        default: return .final(isOfHub ? hubError(headers) : storageError(headers))
        }
    }

    private func requestedSeconds(_ headers: HTTPHeaders, now: Int64) -> Double? {
        if headers.status == 429, let seconds = headers["ratelimit"].flatMap(HTTPValue.rateLimit) { return seconds }
        return headers["retry-after"].flatMap { HTTPValue.retryAfter($0, date: headers["date"], now: now) }
    }

    private func storageError(_ headers: HTTPHeaders) -> HubError {
        error(
            headers.status == 404 || headers.status == 410 ? .notFound : .unreachable, headers,
            "\(file): the storage server that the hub names answers \(answer(headers)); try again later")
    }

    private func hubError(_ headers: HTTPHeaders) -> HubError {
        let code = headers["x-error-code"] ?? ""
        let message = headers["x-error-message"] ?? ""
        let repository = file.repository
        switch (headers.status, code) {
        case (401, "GatedRepo"), (403, "GatedRepo"):
            return error(
                .refused, headers,
                "\(file): the terms of \(repository) must be accepted first (\(headers.status) GatedRepo), at "
                    + "\(settings.endpoint)/\(repository)"
                    + (settings.token == nil ? ", and a token given: --token or HF_TOKEN" : ""))
        case (401, _) where message.contains("Invalid credentials in Authorization header"):
            return error(.refused, headers, "\(file): the hub refuses \(tokenWords) (401); check it, or leave it away")
        case (401, _), (404, "RepoNotFound"):
            return error(
                .notFound, headers,
                "\(file): the repository \(repository) does not exist, or is private (\(answer(headers))); check its name, "
                    + (settings.token == nil
                        ? "or give a token that may read it: --token, HF_TOKEN, or \(settings.home)/token"
                        : "and whether \(tokenWords) may read it"))
        case (403, _):
            return error(
                .refused, headers,
                "\(file): the hub refuses access (\(answer(headers)))"
                    + (settings.token == nil
                        ? "; a token may be needed: --token or HF_TOKEN" : "; \(tokenWords) lacks the right"))
        case (404, "EntryNotFound"):
            var missing = error(
                .notFound, headers,
                "\(file): the repository \(repository) has no file \(file.file) at revision \(file.revision) (404 EntryNotFound); "
                    + "look at \(settings.endpoint)/\(repository), or ask for another --revision")
            missing.isDefinite = true
            missing.absentCommit = headers["x-repo-commit"].flatMap { HubName.isCommit($0) ? $0 : nil }
            return missing
        case (404, "RevisionNotFound"):
            var missing = error(
                .notFound, headers,
                "\(file): the repository \(repository) has no branch, tag or commit \(file.revision) (404 RevisionNotFound); ask "
                    + "for another --revision")
            missing.isDefinite = true
            return missing
        case (404, _):
            return error(
                .notFound, headers,
                "\(file): \(settings.endpoint) answers 404 and does not say what is missing, as a hub would; is HF_ENDPOINT "
                    + "right?")
        default:
            let identifier = headers["x-request-id"].map { ", request \(shown($0))" } ?? ""
            return error(
                .unreachable, headers,
                "\(file): the hub answers \(answer(headers))\(identifier); is \(settings.endpoint) a hub (HF_ENDPOINT)?"
            )
        }
    }

    private var tokenWords: String { settings.token.map { "\($0)" } ?? "the request" }

    /// Status, code and message of a reply.
    private func answer(_ headers: HTTPHeaders) -> String {
        let code = headers["x-error-code"].map { " \(shown($0))" } ?? ""
        return "\(headers.status)\(code)" + (headers["x-error-message"].map { ": \(shown($0))" } ?? "")
    }

    /// A text of a server, cut short, without the token even where the server repeats it.
    func shown(_ text: String) -> String {
        var text = text
        // One pass: what stands in for the token may hold the token itself.
        if let token = settings.token?.value { text = text.replacing(token, with: "(token)") }
        return text.count > 200 ? text.prefix(200) + "..." : text
    }

    func error(_ code: HubError.Code, _ headers: HTTPHeaders, _ message: String) -> HubError {
        HubError(
            code, message, repository: file.repository, file: file.file,
            status: headers.status == 0 ? nil : headers.status)
    }
}
