//! The people of the sample application (sql/sample_app/30_accounts.sql).

use uuid::Uuid;

/// Ada sells bicycles; the three automations are hers.
pub const ADA: Uuid = Uuid::from_u128(0xa0000000_0000_4000_8000_0000000000a1);

/// Bob sells boats.
pub const BOB: Uuid = Uuid::from_u128(0xb0000000_0000_4000_8000_0000000000b1);

/// Ada's conversation with Grace.
pub const CONVERSATION: Uuid = Uuid::from_u128(0xa0000000_0000_4000_8000_000000000031);
