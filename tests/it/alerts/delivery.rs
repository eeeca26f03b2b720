//! Webhooks: signed, tried again, and given up.
