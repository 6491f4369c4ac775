//! Pushed authorization requests (RFC 9126).

use countersign_model::TokenHash;
use countersign_oauth::ports::{PushedRequest, PushedRequests, Unavailable};

use crate::sql::{Param, json, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store};

statements! {
    INSERT = "INSERT INTO pushed_requests (hash, document, kept_until) VALUES (?1, ?2, ?3)";
    BY_HASH = "SELECT document FROM pushed_requests WHERE hash = ?1";
    CONSUME = "DELETE FROM pushed_requests WHERE hash = ?1";
}

struct Keep(PushedRequest);

impl Write for Keep {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self(request) = self;
        let values = [Param::from(&request.hash), json(request)?, Param::from(request.kept_until)];
        tx.execute(&INSERT, &values).await.map(drop)
    }
}

struct Consume(TokenHash);

impl Write for Consume {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        Ok(tx.execute(&CONSUME, params![&self.0]).await? == 1)
    }
}

impl PushedRequests for Store {
    async fn keep_pushed_request(&self, request: &PushedRequest) -> Result<(), Unavailable> {
        Ok(self.write(Keep(request.clone())).await?)
    }

    async fn pushed_request(&self, hash: &TokenHash) -> Result<Option<PushedRequest>, Unavailable> {
        let row = self.one(&BY_HASH, params![hash]).await?;
        Ok(row.map(|mut row| row.json()).transpose()?)
    }

    async fn consume_pushed_request(&self, hash: &TokenHash) -> Result<bool, Unavailable> {
        Ok(self.write(Consume(*hash)).await?)
    }
}
