//! The people and rows of the sample application (sql/sample_app/30_accounts.sql and the seeds).

use uuid::Uuid;

/// Ada sells bicycles; the three automations are hers.
pub const ADA: Uuid = Uuid::from_u128(0xa0000000_0000_4000_8000_0000000000a1);

/// Bob sells boats.
pub const BOB: Uuid = Uuid::from_u128(0xb0000000_0000_4000_8000_0000000000b1);

/// Ada's lead Grace Hopper.
pub const GRACE: Uuid = Uuid::from_u128(0xa0000000_0000_4000_8000_000000000021);

/// Ada's conversation with Grace.
pub const CONVERSATION: Uuid = Uuid::from_u128(0xa0000000_0000_4000_8000_000000000031);

/// "New lead": scores it, announces a hot one.
pub const NEW_LEAD: Uuid = Uuid::from_u128(0xa0000000_0000_4000_8000_000000000041);

/// "Quiet conversation": follows up.
pub const QUIET_CONVERSATION: Uuid = Uuid::from_u128(0xa0000000_0000_4000_8000_000000000042);

/// "Lead changes status": a switch sends it several ways.
pub const ROUTED_LEAD: Uuid = Uuid::from_u128(0xa0000000_0000_4000_8000_000000000043);
