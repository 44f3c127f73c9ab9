BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0013');
CREATE TABLE audit_log (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	actor VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	target VARCHAR NOT NULL, 
	detail VARCHAR, 
	PRIMARY KEY (id)
);
INSERT INTO "audit_log" VALUES(1,'2026-01-02 03:21:30.000000','ann','hold.create','wallets','{"id":"hold-2"}');
CREATE TABLE breakers (
	source VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	epoch INTEGER NOT NULL, 
	failures INTEGER NOT NULL, 
	successes INTEGER NOT NULL, 
	opened_at_us INTEGER NOT NULL, 
	failed_at_us INTEGER NOT NULL, 
	permits INTEGER NOT NULL, 
	permits_until_us INTEGER NOT NULL, 
	PRIMARY KEY (source)
);
INSERT INTO "breakers" VALUES('products',3,'closed',1,2,0,0,1767322840000000,0,0);
CREATE TABLE budgets (
	"key" VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	last_us INTEGER NOT NULL, 
	stamps BLOB NOT NULL, 
	grain INTEGER NOT NULL, 
	filled INTEGER NOT NULL, 
	tat_us INTEGER NOT NULL, 
	not_before_us INTEGER NOT NULL, 
	remaining INTEGER NOT NULL, 
	remaining_until_us INTEGER NOT NULL, 
	owed INTEGER NOT NULL, 
	high_until_us INTEGER NOT NULL, 
	normal_until_us INTEGER NOT NULL, 
	low_until_us INTEGER NOT NULL, 
	high_cost INTEGER NOT NULL, 
	normal_cost INTEGER NOT NULL, 
	low_cost INTEGER NOT NULL, steady_us INTEGER DEFAULT '0' NOT NULL, machine INTEGER DEFAULT '0' NOT NULL, skipped_us INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "budgets" VALUES('erp',12,1767322850000000,X'0000000000000000',1,1,0,0,7,1767322860000000,2,0,1767322851000000,0,1,1,1,5,6,0);
CREATE TABLE checkpoints (
	source VARCHAR NOT NULL, 
	account_id VARCHAR NOT NULL, 
	cursor VARCHAR, 
	full_pass_at DATETIME, 
	pass_state VARCHAR, 
	updated_at DATETIME NOT NULL, read_to DATETIME, doubles VARCHAR, refusal VARCHAR, 
	PRIMARY KEY (source, account_id)
);
INSERT INTO "checkpoints" VALUES('products','','2026-01-02T03:00:00+00:00','2026-01-02 03:00:00.000000','{"mode":"full","started_at":"2026-01-02T03:20:00Z"}','2026-01-02 03:20:50.000000','2026-01-02 03:00:00.000000','["7"]',NULL);
INSERT INTO "checkpoints" VALUES('wallets','acc_1','token',NULL,NULL,'2026-01-02 03:00:00.000000',NULL,NULL,'{"passes":1,"sample":["1"],"gone":1}');
CREATE TABLE customers (
	id VARCHAR NOT NULL, 
	number INTEGER, 
	company VARCHAR, 
	first_name VARCHAR, 
	last_name VARCHAR, 
	email VARCHAR, 
	phone VARCHAR, 
	vat_id VARCHAR, 
	street VARCHAR, 
	city VARCHAR, 
	postal_code VARCHAR, 
	country VARCHAR(2), 
	credit_limit NUMERIC(15, 2), 
	active BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	raw_fingerprint BLOB NOT NULL, 
	fingerprint BLOB NOT NULL, 
	synced_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "customers" VALUES('c-1',1,'ACME',NULL,NULL,'a@example.com',NULL,NULL,NULL,NULL,NULL,'DE',100.5,1,'2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',X'000102030405060708090A0B0C0D0E0F',X'000102030405060708090A0B0C0D0E0F','2026-01-02 03:00:30.000000');
CREATE TABLE entries (
	tweet_id VARCHAR NOT NULL, 
	first_tweet_id VARCHAR NOT NULL, 
	round_number INTEGER NOT NULL, 
	author_id VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	entered_at DATETIME NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	checked_at DATETIME, 
	missing_since DATETIME, 
	final_check_at DATETIME, 
	PRIMARY KEY (tweet_id), 
	UNIQUE (first_tweet_id)
);
INSERT INTO "entries" VALUES('100','100',1,'u1','2026-01-02 02:00:00.000000','2026-01-02 03:00:30.000000','valid',NULL,NULL,NULL);
CREATE TABLE heartbeats (
	source VARCHAR NOT NULL, 
	last_run DATETIME, 
	last_beat DATETIME NOT NULL, 
	last_duration_ms INTEGER, 
	page INTEGER NOT NULL, 
	error_count INTEGER NOT NULL, 
	waiting_for VARCHAR, 
	waiting_until DATETIME, 
	PRIMARY KEY (source)
);
INSERT INTO "heartbeats" VALUES('products','2026-01-02 03:20:00.000000','2026-01-02 03:20:50.000000',60000,2,0,NULL,NULL);
INSERT INTO "heartbeats" VALUES('wallets','2026-01-02 03:22:00.000000','2026-01-02 03:22:00.000000',NULL,0,2,'paused: stocktaking','2026-01-02 04:00:00.000000');
CREATE TABLE holds (
	id VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	account_id VARCHAR, 
	reason VARCHAR NOT NULL, 
	created_by VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME, 
	released_at DATETIME, refused VARCHAR, 
	PRIMARY KEY (id)
);
INSERT INTO "holds" VALUES('hold-1','*',NULL,'maintenance','ann','2026-01-01 00:00:00.000000','2026-01-01 01:00:00.000000',NULL,NULL);
INSERT INTO "holds" VALUES('hold-2','wallets','acc_2','stocktaking','ann','2026-01-02 03:21:30.000000','2026-01-02 04:00:00.000000',NULL,NULL);
INSERT INTO "holds" VALUES('hold-3','products',NULL,'erp refused the credentials','syncline','2026-01-01 00:00:00.000000',NULL,'2026-01-01 02:00:00.000000','digest');
CREATE TABLE leases (
	name VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	fence INTEGER NOT NULL, 
	expires_at DATETIME NOT NULL, 
	host VARCHAR NOT NULL, 
	boot_id VARCHAR NOT NULL, 
	pid INTEGER NOT NULL, 
	process_started INTEGER NOT NULL, asked_by VARCHAR, 
	PRIMARY KEY (name)
);
INSERT INTO "leases" VALUES('source:products','products-sync-3',7,'2026-01-02 03:21:00.000000','box','boot pid:[1]',4711,99,'products-sync-4');
INSERT INTO "leases" VALUES('source:wallets:acc_1','wallets-sync-1',1,'2026-01-02 03:22:00.000000','box','boot pid:[1]',4712,100,NULL);
INSERT INTO "leases" VALUES('source:wallets:acc:2','wallets-sync-2',3,'2026-01-02 03:22:00.000000','box','boot pid:[1]',-4713,101,NULL);
CREATE TABLE listing_decisions (
	source VARCHAR NOT NULL, 
	external_id VARCHAR NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	fingerprint BLOB NOT NULL, 
	reason VARCHAR, 
	decided_by VARCHAR NOT NULL, 
	decided_at DATETIME NOT NULL, 
	PRIMARY KEY (source, external_id)
);
INSERT INTO "listing_decisions" VALUES('quests','q-1','live',X'000102030405060708090A0B0C0D0E0F',NULL,'ann','2026-01-02 03:00:40.000000');
CREATE TABLE listings (
	source VARCHAR NOT NULL, 
	external_id VARCHAR NOT NULL, 
	title VARCHAR NOT NULL, 
	project VARCHAR, 
	chain VARCHAR, 
	kind VARCHAR, 
	url VARCHAR, 
	description VARCHAR, 
	reward VARCHAR, 
	tvl_usd FLOAT, 
	apy FLOAT, 
	starts_at DATETIME, 
	ends_at DATETIME, 
	updated_at DATETIME, 
	attributes JSON, 
	status VARCHAR(16) NOT NULL, 
	raw_fingerprint BLOB NOT NULL, 
	fingerprint BLOB NOT NULL, 
	synced_at DATETIME NOT NULL, 
	PRIMARY KEY (source, external_id)
);
INSERT INTO "listings" VALUES('quests','q-1','Quest',NULL,NULL,NULL,NULL,NULL,NULL,1.5,NULL,NULL,NULL,NULL,'{"a":1}','pending',X'000102030405060708090A0B0C0D0E0F',X'000102030405060708090A0B0C0D0E0F','2026-01-02 03:00:30.000000');
CREATE TABLE pass_keys (
	source VARCHAR NOT NULL, 
	account_id VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	missing BOOLEAN NOT NULL, walk INTEGER DEFAULT '1' NOT NULL, 
	PRIMARY KEY (source, account_id, "key")
);
INSERT INTO "pass_keys" VALUES('products','','1',0,1);
INSERT INTO "pass_keys" VALUES('products','','2',1,2);
INSERT INTO "pass_keys" VALUES('wallets','acc_1','k',0,1);
CREATE TABLE products (
	id INTEGER NOT NULL, 
	sku VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	description VARCHAR, 
	category VARCHAR, 
	brand VARCHAR, 
	price NUMERIC(15, 2) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	stock INTEGER NOT NULL, 
	ean VARCHAR(14), 
	weight_grams INTEGER, 
	active BOOLEAN NOT NULL, 
	tags JSON, 
	dimensions JSON, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	raw_fingerprint BLOB NOT NULL, 
	fingerprint BLOB NOT NULL, 
	synced_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "products" VALUES(1,'A-1','Größe',NULL,'c',NULL,1.25,'EUR',3,NULL,10,1,'["a"]',NULL,'2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',X'000102030405060708090A0B0C0D0E0F',X'000102030405060708090A0B0C0D0E0F','2026-01-02 03:00:30.000000');
CREATE TABLE queued_runs (
	session_id VARCHAR NOT NULL, 
	lease VARCHAR NOT NULL, 
	tick DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	host VARCHAR NOT NULL, 
	boot_id VARCHAR NOT NULL, 
	pid INTEGER NOT NULL, 
	process_started INTEGER NOT NULL, 
	PRIMARY KEY (session_id)
);
INSERT INTO "queued_runs" VALUES('products-sync-4','source:products','2026-01-02 03:20:30.000000','2026-01-02 03:21:30.000000','box','boot pid:[1]',4714,102);
INSERT INTO "queued_runs" VALUES('wallets-sync-3','source:wallets:acc_1','2026-01-02 03:21:30.000000','2026-01-02 03:30:00.000000','','',0,0);
CREATE TABLE rejects (
	id INTEGER NOT NULL, 
	source VARCHAR NOT NULL, 
	account_id VARCHAR NOT NULL, 
	item VARCHAR NOT NULL, 
	item_key VARCHAR, 
	reason VARCHAR NOT NULL, 
	raw VARCHAR NOT NULL, 
	first_seen DATETIME NOT NULL, 
	last_seen DATETIME NOT NULL, 
	times INTEGER NOT NULL, 
	session_id VARCHAR NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "rejects" VALUES(1,'products','','d1','5','price: not a number','{"id":5}','2026-01-01 00:00:00.000000','2026-01-02 03:20:10.000000',3,'products-sync-3');
INSERT INTO "rejects" VALUES(2,'wallets','acc_1','d2',NULL,'no key','{}','2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',1,'wallets-sync-1');
CREATE TABLE rounds (
	number INTEGER NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	starts_at DATETIME NOT NULL, 
	ends_at DATETIME, 
	freezing_since DATETIME, 
	frozen_at DATETIME, 
	pushed_at DATETIME, 
	push_attempts INTEGER NOT NULL, 
	push_retry_at DATETIME, 
	push_error VARCHAR, 
	PRIMARY KEY (number)
);
INSERT INTO "rounds" VALUES(1,'open','2026-01-02 00:00:00.000000',NULL,NULL,NULL,NULL,0,NULL,NULL);
CREATE TABLE schedule_overrides (
	source VARCHAR NOT NULL, 
	interval_seconds INTEGER NOT NULL, 
	changed_at DATETIME NOT NULL, 
	changed_by VARCHAR NOT NULL, 
	PRIMARY KEY (source)
);
INSERT INTO "schedule_overrides" VALUES('products',600,'2026-01-01 00:00:00.000000','ann');
CREATE TABLE session_totals (
	source VARCHAR NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	sessions INTEGER NOT NULL, 
	duration_ms INTEGER NOT NULL, 
	slot INTEGER NOT NULL, 
	PRIMARY KEY (source, status, slot)
);
INSERT INTO "session_totals" VALUES('products','completed',1,60000,0);
INSERT INTO "session_totals" VALUES('products','missed',3,0,0);
INSERT INTO "session_totals" VALUES('wallets','deferred',1,0,0);
CREATE TABLE snapshots (
	round_number INTEGER NOT NULL, 
	content VARCHAR NOT NULL, 
	content_hash VARCHAR NOT NULL, 
	entries INTEGER NOT NULL, 
	public INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (round_number)
);
INSERT INTO "snapshots" VALUES(0,'{}','hash',0,0,'2026-01-01 00:00:00.000000');
CREATE TABLE "sync_sessions" (
	id VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	account_id VARCHAR, 
	"trigger" VARCHAR(16) NOT NULL, 
	mode VARCHAR(16) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	reason VARCHAR, 
	started_at DATETIME NOT NULL, 
	completed_at DATETIME, 
	total_pages INTEGER, 
	pages_processed INTEGER NOT NULL, 
	items_processed INTEGER NOT NULL, 
	items_created INTEGER NOT NULL, 
	items_updated INTEGER NOT NULL, 
	items_deleted INTEGER NOT NULL, 
	items_unchanged INTEGER NOT NULL, 
	items_rejected INTEGER NOT NULL, 
	requests INTEGER NOT NULL, 
	retry_count INTEGER NOT NULL, 
	error_type VARCHAR, 
	error_message VARCHAR, 
	retry_at DATETIME, 
	flow_run_id VARCHAR, 
	scheduled_for DATETIME, 
	held BOOLEAN DEFAULT 0 NOT NULL, 
	result_no INTEGER, 
	PRIMARY KEY (id)
);
INSERT INTO "sync_sessions" VALUES('products-sync-1','products',NULL,'schedule','full','completed',NULL,'2026-01-02 03:00:00.000000','2026-01-02 03:01:00.000000',4,4,400,400,0,0,0,0,4,0,NULL,NULL,NULL,'run-1','2026-01-02 03:00:00.000000',0,1);
INSERT INTO "sync_sessions" VALUES('products-sync-2','products',NULL,'schedule','incremental','missed','3 ticks: why','2026-01-02 03:05:00.000000','2026-01-02 03:05:00.000000',NULL,0,0,0,0,0,0,0,0,0,NULL,NULL,NULL,NULL,'2026-01-02 03:05:00.000000',0,2);
INSERT INTO "sync_sessions" VALUES('products-sync-3','products',NULL,'manual','full','running',NULL,'2026-01-02 03:20:00.000000',NULL,4,2,200,0,10,0,190,1,2,1,'UpstreamError','timeout',NULL,'run-3',NULL,0,NULL);
INSERT INTO "sync_sessions" VALUES('wallets-sync-1','wallets','acc_1','api','incremental','running',NULL,'2026-01-02 03:21:00.000000',NULL,NULL,0,0,0,0,0,0,0,0,0,NULL,NULL,NULL,NULL,NULL,0,NULL);
INSERT INTO "sync_sessions" VALUES('wallets-sync-2','wallets','acc_2','schedule','incremental','deferred','paused: stocktaking','2026-01-02 03:22:00.000000','2026-01-02 03:22:00.000000',NULL,0,0,0,0,0,0,0,0,0,NULL,NULL,'2026-01-02 04:00:00.000000','run-4','2026-01-02 03:22:00.000000',1,3);
CREATE TABLE tweets (
	id VARCHAR NOT NULL, 
	author_id VARCHAR NOT NULL, 
	text VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	edit_history_tweet_ids JSON, 
	raw_fingerprint BLOB NOT NULL, 
	fingerprint BLOB NOT NULL, 
	synced_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "tweets" VALUES('100','u1','hello','2026-01-02 02:00:00.000000','["100"]',X'000102030405060708090A0B0C0D0E0F',X'000102030405060708090A0B0C0D0E0F','2026-01-02 03:00:30.000000');
CREATE INDEX ix_audit_log_at ON audit_log (at);
CREATE INDEX ix_customers_email ON customers (email);
CREATE INDEX ix_holds_source ON holds (source, released_at);
CREATE INDEX ix_products_sku ON products (sku);
CREATE INDEX ix_listings_status ON listings (status, source, external_id);
CREATE INDEX ix_queued_runs_lease ON queued_runs (lease, tick);
CREATE INDEX ix_tweets_synced_at ON tweets (synced_at);
CREATE INDEX ix_entries_entered_at ON entries (entered_at);
CREATE INDEX ix_entries_checked ON entries (round_number, checked_at);
CREATE INDEX ix_entries_created ON entries (round_number, created_at);
CREATE INDEX ix_entries_final ON entries (round_number, final_check_at, tweet_id);
CREATE TRIGGER snapshots_UPDATE BEFORE UPDATE ON snapshots  BEGIN SELECT RAISE(ABORT, 'a snapshot is never changed or deleted'); END;
CREATE TRIGGER snapshots_DELETE BEFORE DELETE ON snapshots  BEGIN SELECT RAISE(ABORT, 'a snapshot is never changed or deleted'); END;
CREATE TRIGGER snapshots_INSERT BEFORE INSERT ON snapshots WHEN EXISTS (SELECT 1 FROM snapshots WHERE round_number = NEW.round_number) BEGIN SELECT RAISE(ABORT, 'a snapshot is never changed or deleted'); END;
CREATE UNIQUE INDEX ix_rejects_item ON rejects (source, account_id, item, reason);
CREATE INDEX ix_rejects_last_seen ON rejects (source, last_seen);
CREATE INDEX ix_rejects_session_id ON rejects (session_id);
CREATE INDEX ix_sync_sessions_source_status ON sync_sessions (source, status, started_at);
CREATE INDEX ix_sync_sessions_status ON sync_sessions (status, started_at);
CREATE INDEX ix_sync_sessions_source ON sync_sessions (source, started_at);
CREATE UNIQUE INDEX ix_sync_sessions_result_no ON sync_sessions (result_no);
CREATE INDEX ix_sync_sessions_started_at ON sync_sessions (started_at);
CREATE INDEX ix_sync_sessions_flow_run_id ON sync_sessions (flow_run_id);
COMMIT;
