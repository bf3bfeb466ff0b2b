//! Members: an item under the account, and one by the hash of the e-mail address that says of which accounts somebody is a member.

use aws_sdk_dynamodb::Client;
use carillon_core::{
    id::{AccountId, MemberId},
    keyed_hash::{DeploymentKey, Purpose},
    member::{Email, Member},
};

use crate::{
    StoreError,
    audit::Audit,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    item::{Item, ReadItem, json, number, text},
    keys,
    records::Stale,
};

/// An account has so many at most, so that all of them are one read.
pub const MOST: usize = 200;
/// Accounts of one person.
const MOST_ACCOUNTS: i32 = 50;

#[derive(Debug, Clone)]
pub struct Members {
    table: CoreTable,
    key: DeploymentKey,
}

/// The address is a member's of this account already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberAlready;

impl Members {
    pub fn new(client: Client, table: impl Into<String>, key: DeploymentKey) -> Self {
        let table = CoreTable::new(client, table);
        Self { table, key }
    }

    /// Writes a member once; a second call with the same id changes nothing.
    pub async fn invite(
        &self,
        member: &Member,
        audit: &Audit,
    ) -> Result<Result<(), MemberAlready>, StoreError> {
        let mut membership = keys::membership(&self.hash(&member.email), member.account).item();
        membership.insert("member_id".to_owned(), text(member.id));
        // A repeat of the call finds its own.
        let free = Condition {
            expression: "attribute_not_exists(pk) OR member_id = :expected",
            expected: Some(text(member.id)),
        };
        let writes = vec![
            self.table.put(membership, free),
            self.table.put(to_item(member), Condition::NEW),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "invite a member").await?;
        if written.is_ok() {
            return Ok(Ok(()));
        }
        let there = self.find(member.account, member.id).await?;
        Ok(there.map(|_| ()).ok_or(MemberAlready))
    }

    /// As it is now, strongly consistent.
    pub async fn find(
        &self,
        account: AccountId,
        id: MemberId,
    ) -> Result<Option<Member>, StoreError> {
        let key = keys::account_member(account, id);
        let item = self.table.get(&key, "read a member").await?;
        item.map(|item| item.json(DOC)).transpose()
    }

    /// All of an account, oldest first.
    pub async fn list(&self, account: AccountId) -> Result<Vec<Member>, StoreError> {
        let page = Page {
            partition: &account.to_string(),
            prefix: keys::MEMBER,
            after: None,
            order: Order::OldestFirst,
            limit: i32::try_from(MOST).expect("some hundreds"),
        };
        let items = self.table.page(page, "list members").await?;
        items.iter().map(|item| item.json(DOC)).collect()
    }

    /// What somebody is, in each account that has this address for a member.
    pub async fn of(&self, email: &Email) -> Result<Vec<Member>, StoreError> {
        let page = Page {
            partition: &keys::person(&self.hash(email)),
            prefix: "acc_",
            after: None,
            order: Order::OldestFirst,
            limit: MOST_ACCOUNTS,
        };
        let items = self.table.page(page, "find a person").await?;
        let mut members = Vec::with_capacity(items.len());
        for item in items {
            let corrupt = || StoreError::corrupt("a membership");
            let account = item.text(keys::SORT)?.parse().map_err(|_| corrupt())?;
            let id = item.text("member_id")?.parse().map_err(|_| corrupt())?;
            members.extend(self.find(account, id).await?);
        }
        Ok(members)
    }

    /// Writes a changed member over the one it was made from. `stays`: somebody else who must not have changed either.
    pub async fn change(
        &self,
        member: &Member,
        stays: Option<&Member>,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let before = Condition::version(member.version - 1);
        let mut writes = vec![
            self.table.put(to_item(member), before),
            audit.write(&self.table),
        ];
        writes.extend(stays.map(|other| self.unchanged(other)));
        let written = self.table.commit(writes, "change a member").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    /// Removes the member that was read, and with it all of its sessions: they are nobody's then.
    pub async fn remove(
        &self,
        member: &Member,
        stays: Option<&Member>,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let key = keys::account_member(member.account, member.id);
        let membership = keys::membership(&self.hash(&member.email), member.account);
        let mut writes = vec![
            self.table.delete(&key, Condition::version(member.version)),
            self.table.delete(&membership, Condition::ANY),
            audit.write(&self.table),
        ];
        writes.extend(stays.map(|other| self.unchanged(other)));
        let written = self.table.commit(writes, "remove a member").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    fn unchanged(&self, member: &Member) -> aws_sdk_dynamodb::types::TransactWriteItem {
        let key = keys::account_member(member.account, member.id);
        self.table.check(&key, Condition::version(member.version))
    }

    fn hash(&self, email: &Email) -> String {
        hash(&self.key, email)
    }
}

/// What a person's items lie under.
pub(crate) fn hash(key: &DeploymentKey, email: &Email) -> String {
    key.text(Purpose::Email, &[email.as_str().as_bytes()])
}

fn to_item(member: &Member) -> Item {
    let mut item = keys::account_member(member.account, member.id).item();
    item.insert("version".to_owned(), number(member.version));
    item.insert(DOC.to_owned(), json(member));
    item
}
