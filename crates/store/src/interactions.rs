//! Authorization requests that wait for a person.

use countersign_model::{Timestamp, TokenHash};
use countersign_oauth::ports::{Interaction, Interactions, Unavailable};

use crate::sql::{Param, json, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store};

statements! {
    INSERT = "INSERT INTO interactions (hash, document, expires_at) VALUES (?1, ?2, ?3)";
    LIVE = "SELECT document FROM interactions WHERE hash = ?1 AND expires_at > ?2";
    CONSUME = "DELETE FROM interactions WHERE hash = ?1 AND expires_at > ?2 RETURNING document";
}

struct Keep(Interaction);

impl Write for Keep {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self(interaction) = self;
        let values =
            [Param::from(&interaction.hash), json(interaction)?, Param::from(interaction.expires_at)];
        tx.execute(&INSERT, &values).await.map(drop)
    }
}

struct Consume(TokenHash, Timestamp);

impl Write for Consume {
    type Output = Option<Interaction>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Interaction>> {
        let row = tx.optional(&CONSUME, params![&self.0, self.1]).await?;
        row.map(|mut row| row.json()).transpose()
    }
}

impl Interactions for Store {
    async fn keep_interaction(&self, interaction: &Interaction) -> Result<(), Unavailable> {
        Ok(self.write(Keep(interaction.clone())).await?)
    }

    async fn interaction(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Interaction>, Unavailable> {
        let row = self.one(&LIVE, params![hash, now]).await?;
        Ok(row.map(|mut row| row.json()).transpose()?)
    }

    async fn consume_interaction(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Interaction>, Unavailable> {
        Ok(self.write(Consume(*hash, now)).await?)
    }
}
