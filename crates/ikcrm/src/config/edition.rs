//! `Edition`: the CRM's editions.

use crate::error::{Fault, FieldErrorCode as Code};
use crate::input::setting::text;
use crate::input::{Value, excerpt};

/// The CRM's editions, each with its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Edition {
    /// 独立版, `https://lxcrm.weiwenjia.com`.
    #[default]
    Standalone,
    /// 企微版, `https://e.lixiaocrm.com`.
    Wecom,
    /// 钉钉版, `https://dingtalk.e.ikcrm.com`.
    Dingtalk,
}

impl Edition {
    const ALL: [Self; 3] = [Self::Standalone, Self::Wecom, Self::Dingtalk];

    /// The edition's name in settings: `standalone`, `wecom` or `dingtalk`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Wecom => "wecom",
            Self::Dingtalk => "dingtalk",
        }
    }

    /// The edition's base URL.
    #[must_use]
    pub fn base_url(self) -> &'static str {
        match self {
            Self::Standalone => "https://lxcrm.weiwenjia.com",
            Self::Wecom => "https://e.lixiaocrm.com",
            Self::Dingtalk => "https://dingtalk.e.ikcrm.com",
        }
    }
}

/// The edition of a name.
pub(super) fn edition(value: &Value) -> Result<Edition, Fault> {
    let name = text(value)?;
    let names = Edition::ALL.map(Edition::as_str);
    Edition::ALL.into_iter().find(|edition| edition.as_str() == name).ok_or_else(|| {
        Fault(
            Code::Unknown,
            format!("must be one of {}, got {:?}", names.join(", "), excerpt(&name)),
        )
    })
}
