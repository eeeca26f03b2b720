//! ISO 4217 currencies and their minor units.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// An ISO 4217 currency in use, such as `USD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// The text names no ISO 4217 currency in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 4217 currency code, such as USD")]
pub struct CurrencyError;

const NO_DIGITS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";

const THREE_DIGITS: &str = "BHD IQD JOD KWD LYD OMR TND";

const FOUR_DIGITS: &str = "CLF UYW";

const TWO_DIGITS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD YER ZAR ZMW ZWG";

impl Currency {
    /// The United States dollar.
    pub const USD: Self = Self(*b"USD");

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Decimal digits of its minor unit: 2 for USD, 0 for JPY, 3 for KWD.
    /// Source: ISO 4217, table A.1.
    #[must_use]
    pub fn minor_digits(&self) -> u32 {
        let among = |list: &str| list.split(' ').any(|code| code == self.code());
        if among(NO_DIGITS) {
            0
        } else if among(THREE_DIGITS) {
            3
        } else if among(FOUR_DIGITS) {
            4
        } else {
            2
        }
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;
    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let lists = [TWO_DIGITS, NO_DIGITS, THREE_DIGITS, FOUR_DIGITS];
        let known = text.len() == 3
            && lists
                .iter()
                .any(|list| list.split(' ').any(|code| code == text));
        let bytes = text.as_bytes().try_into().map_err(|_| CurrencyError)?;
        if known {
            Ok(Self(bytes))
        } else {
            Err(CurrencyError)
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;
    fn try_from(text: String) -> Result<Self, CurrencyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        Self::from(currency.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_follow_iso_4217() {
        for (code, digits) in [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)] {
            assert_eq!(
                code.parse::<Currency>().unwrap().minor_digits(),
                digits,
                "{code}"
            );
        }
        for bad in ["usd", "US", "USDX", "ZZZ", ""] {
            assert_eq!(bad.parse::<Currency>(), Err(CurrencyError), "{bad}");
        }
    }
}
