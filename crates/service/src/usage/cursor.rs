//! Cursors: opaque, signed, bound to whose question they continue.

use crate::engine::service::Service;
use crate::store::failure::Failure;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const TAG_BYTES: usize = 16;

impl Service {
    /// A cursor at `position`, good only for the same `question`: the tenant,
    /// route and filters in canonical form.
    #[must_use]
    pub fn cursor(&self, question: &str, position: &str) -> String {
        let mut bytes = self.tag(question, position).to_vec();
        bytes.extend_from_slice(position.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position of a cursor made for `question`.
    ///
    /// # Errors
    /// [`Failure::Cursor`] for any other text.
    pub fn position(&self, question: &str, cursor: &str) -> Result<String, Failure> {
        let bytes = URL_SAFE_NO_PAD
            .decode(cursor)
            .map_err(|_| Failure::Cursor)?;
        let (tag, position) = bytes.split_at_checked(TAG_BYTES).ok_or(Failure::Cursor)?;
        let position = std::str::from_utf8(position).map_err(|_| Failure::Cursor)?;
        let genuine: bool =
            subtle::ConstantTimeEq::ct_eq(&self.tag(question, position)[..], tag).into();
        genuine.then(|| position.to_owned()).ok_or(Failure::Cursor)
    }

    fn tag(&self, question: &str, position: &str) -> [u8; TAG_BYTES] {
        let mut tag = [0; TAG_BYTES];
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.secret()) else {
            return tag;
        };
        mac.update(question.as_bytes());
        mac.update(&[0]);
        mac.update(position.as_bytes());
        let whole = mac.finalize().into_bytes();
        tag.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        tag
    }
}
