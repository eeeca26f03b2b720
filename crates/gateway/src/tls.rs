//! How TLS is computed.

/// Makes `ring` compute TLS in this process, unless something else does already. Whoever
/// makes an HTTP client does this first; doing it again changes nothing.
pub fn provide_tls() {
    // Refused = another provider was first.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
}
