//! Sessions of the console: an item each, under the keyed hash of the token that the browser keeps. Who has read the table has no
//! token by that.

use aws_sdk_dynamodb::Client;
use carillon_core::{
    id::{AccountId, MemberId},
    keyed_hash::{DeploymentKey, Purpose},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    StoreError,
    core_table::{Condition, CoreTable, DOC},
    item::{ReadItem, json, number},
    keys,
};

/// Nobody has looked at a page for so long.
pub const IDLE: SignedDuration = SignedDuration::from_mins(30);
/// However busy somebody is.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(12);
/// Not each look at a page is a write.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub account: AccountId,
    pub member: MemberId,
    pub began: Timestamp,
    /// To a minute.
    pub seen: Timestamp,
}

impl Session {
    pub fn new(account: AccountId, member: MemberId, now: Timestamp) -> Self {
        Self {
            account,
            member,
            began: now,
            seen: now,
        }
    }

    fn lasts(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen) < IDLE && now.duration_since(self.began) < LONGEST
    }
}

#[derive(Debug, Clone)]
pub struct Sessions {
    table: CoreTable,
    key: DeploymentKey,
}

impl Sessions {
    pub fn new(client: Client, table: impl Into<String>, key: DeploymentKey) -> Self {
        let table = CoreTable::new(client, table);
        Self { table, key }
    }

    pub async fn begin(&self, token: &str, session: &Session) -> Result<(), StoreError> {
        self.write(token, session, Condition::ANY, "begin a session")
            .await
    }

    /// The session of a token, if it isn't over.
    pub async fn find(&self, token: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let item = self.table.get(&self.at(token), "read a session").await?;
        let session: Option<Session> = item.map(|item| item.json(DOC)).transpose()?;
        Ok(session.filter(|session| session.lasts(now)))
    }

    /// The same, of somebody who does something now.
    pub async fn look(&self, token: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let Some(session) = self.find(token, now).await? else {
            return Ok(None);
        };
        if now.duration_since(session.seen) < NOTED_EVERY {
            return Ok(Some(session));
        }
        let session = Session {
            seen: now,
            ..session
        };
        // Not one that was ended meanwhile.
        let there = Condition {
            expression: "attribute_exists(pk)",
            expected: None,
        };
        self.write(token, &session, there, "note a session").await?;
        Ok(Some(session))
    }

    pub async fn end(&self, token: &str) -> Result<(), StoreError> {
        let writes = vec![self.table.delete(&self.at(token), Condition::ANY)];
        let written = self.table.commit(writes, "end a session").await?;
        written.map_err(|_| StoreError::corrupt("a condition that nobody set"))
    }

    async fn write(
        &self,
        token: &str,
        session: &Session,
        condition: Condition,
        operation: &'static str,
    ) -> Result<(), StoreError> {
        let mut item = self.at(token).item();
        let ends = (session.began + LONGEST).min(session.seen + IDLE);
        item.insert("ttl".to_owned(), number(ends.as_second()));
        item.insert(DOC.to_owned(), json(session));
        let writes = vec![self.table.put(item, condition)];
        // Who lost the condition signed out in the same moment: the next look finds nothing.
        let _ended = self.table.commit(writes, operation).await?;
        Ok(())
    }

    fn at(&self, token: &str) -> keys::Key {
        keys::session(&self.key.text(Purpose::Session, &[token.as_bytes()]))
    }
}
