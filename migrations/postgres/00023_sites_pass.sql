-- +goose Up
-- What a gateway passes on unchanged is chosen for each site.
ALTER TABLE sites ADD COLUMN pass TEXT COLLATE "C" NOT NULL DEFAULT ''; -- jetpack, none; empty: as the gateway is set
ALTER TABLE sites ADD COLUMN pass_from TEXT COLLATE "C" NOT NULL DEFAULT ''; -- networks; empty: as the gateway is set, where pass is too, otherwise everywhere

-- +goose Down
ALTER TABLE sites DROP COLUMN pass_from;
ALTER TABLE sites DROP COLUMN pass;
