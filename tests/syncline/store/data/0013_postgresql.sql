CREATE FUNCTION public.refuse_snapshot_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'a snapshot is never changed or deleted'; END $$;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.audit_log (
    id integer NOT NULL,
    at timestamp with time zone NOT NULL,
    actor character varying NOT NULL,
    action character varying NOT NULL,
    target character varying NOT NULL,
    detail character varying
);
CREATE SEQUENCE public.audit_log_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.audit_log_id_seq OWNED BY public.audit_log.id;
CREATE TABLE public.breakers (
    source character varying NOT NULL,
    version bigint NOT NULL,
    state character varying NOT NULL,
    epoch bigint NOT NULL,
    failures integer NOT NULL,
    successes integer NOT NULL,
    opened_at_us bigint NOT NULL,
    failed_at_us bigint NOT NULL,
    permits integer NOT NULL,
    permits_until_us bigint NOT NULL
);
CREATE TABLE public.budgets (
    key character varying NOT NULL,
    version bigint NOT NULL,
    last_us bigint NOT NULL,
    stamps bytea NOT NULL,
    grain integer NOT NULL,
    filled integer NOT NULL,
    tat_us bigint NOT NULL,
    not_before_us bigint NOT NULL,
    remaining bigint NOT NULL,
    remaining_until_us bigint NOT NULL,
    owed bigint NOT NULL,
    high_until_us bigint NOT NULL,
    normal_until_us bigint NOT NULL,
    low_until_us bigint NOT NULL,
    high_cost integer NOT NULL,
    normal_cost integer NOT NULL,
    low_cost integer NOT NULL,
    steady_us bigint DEFAULT '0'::bigint NOT NULL,
    machine bigint DEFAULT '0'::bigint NOT NULL,
    skipped_us bigint DEFAULT '0'::bigint NOT NULL
);
CREATE TABLE public.checkpoints (
    source character varying NOT NULL,
    account_id character varying NOT NULL,
    cursor character varying,
    full_pass_at timestamp with time zone,
    pass_state character varying,
    updated_at timestamp with time zone NOT NULL,
    read_to timestamp with time zone,
    doubles character varying,
    refusal character varying
);
CREATE TABLE public.customers (
    id character varying NOT NULL COLLATE pg_catalog."C",
    number integer,
    company character varying,
    first_name character varying,
    last_name character varying,
    email character varying,
    phone character varying,
    vat_id character varying,
    street character varying,
    city character varying,
    postal_code character varying,
    country character varying(2),
    credit_limit numeric(15,2),
    active boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    raw_fingerprint bytea NOT NULL,
    fingerprint bytea NOT NULL,
    synced_at timestamp with time zone NOT NULL
);
CREATE TABLE public.entries (
    tweet_id character varying NOT NULL COLLATE pg_catalog."C",
    first_tweet_id character varying NOT NULL COLLATE pg_catalog."C",
    round_number integer NOT NULL,
    author_id character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    entered_at timestamp with time zone NOT NULL,
    status character varying(16) NOT NULL,
    checked_at timestamp with time zone,
    missing_since timestamp with time zone,
    final_check_at timestamp with time zone
);
CREATE TABLE public.heartbeats (
    source character varying NOT NULL,
    last_run timestamp with time zone,
    last_beat timestamp with time zone NOT NULL,
    last_duration_ms integer,
    page integer NOT NULL,
    error_count integer NOT NULL,
    waiting_for character varying,
    waiting_until timestamp with time zone
);
CREATE TABLE public.holds (
    id character varying NOT NULL,
    source character varying NOT NULL,
    account_id character varying,
    reason character varying NOT NULL,
    created_by character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    released_at timestamp with time zone,
    refused character varying
);
CREATE TABLE public.leases (
    name character varying NOT NULL,
    owner character varying NOT NULL,
    fence integer NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    host character varying NOT NULL,
    boot_id character varying NOT NULL,
    pid integer NOT NULL,
    process_started integer NOT NULL,
    asked_by character varying
);
CREATE TABLE public.listing_decisions (
    source character varying NOT NULL COLLATE pg_catalog."C",
    external_id character varying NOT NULL COLLATE pg_catalog."C",
    status character varying(16) NOT NULL,
    fingerprint bytea NOT NULL,
    reason character varying,
    decided_by character varying NOT NULL,
    decided_at timestamp with time zone NOT NULL
);
CREATE TABLE public.listings (
    source character varying NOT NULL COLLATE pg_catalog."C",
    external_id character varying NOT NULL COLLATE pg_catalog."C",
    title character varying NOT NULL,
    project character varying,
    chain character varying,
    kind character varying,
    url character varying,
    description character varying,
    reward character varying,
    tvl_usd double precision,
    apy double precision,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    updated_at timestamp with time zone,
    attributes jsonb,
    status character varying(16) NOT NULL,
    raw_fingerprint bytea NOT NULL,
    fingerprint bytea NOT NULL,
    synced_at timestamp with time zone NOT NULL
);
CREATE TABLE public.pass_keys (
    source character varying NOT NULL,
    account_id character varying NOT NULL,
    key character varying NOT NULL COLLATE pg_catalog."C",
    missing boolean NOT NULL,
    walk integer DEFAULT 1 NOT NULL
);
CREATE TABLE public.products (
    id bigint NOT NULL,
    sku character varying(64) NOT NULL,
    name character varying NOT NULL,
    description character varying,
    category character varying,
    brand character varying,
    price numeric(15,2) NOT NULL,
    currency character varying(3) NOT NULL,
    stock integer NOT NULL,
    ean character varying(14),
    weight_grams integer,
    active boolean NOT NULL,
    tags jsonb,
    dimensions jsonb,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    raw_fingerprint bytea NOT NULL,
    fingerprint bytea NOT NULL,
    synced_at timestamp with time zone NOT NULL
);
CREATE TABLE public.queued_runs (
    session_id character varying NOT NULL,
    lease character varying NOT NULL,
    tick timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    host character varying NOT NULL,
    boot_id character varying NOT NULL,
    pid integer NOT NULL,
    process_started integer NOT NULL
);
CREATE TABLE public.rejects (
    id integer NOT NULL,
    source character varying NOT NULL,
    account_id character varying NOT NULL,
    item character varying NOT NULL,
    item_key character varying,
    reason character varying NOT NULL,
    raw character varying NOT NULL,
    first_seen timestamp with time zone NOT NULL,
    last_seen timestamp with time zone NOT NULL,
    times integer NOT NULL,
    session_id character varying NOT NULL
);
CREATE SEQUENCE public.rejects_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.rejects_id_seq OWNED BY public.rejects.id;
CREATE TABLE public.rounds (
    number integer NOT NULL,
    status character varying(16) NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone,
    freezing_since timestamp with time zone,
    frozen_at timestamp with time zone,
    pushed_at timestamp with time zone,
    push_attempts integer NOT NULL,
    push_retry_at timestamp with time zone,
    push_error character varying
);
CREATE TABLE public.schedule_overrides (
    source character varying NOT NULL,
    interval_seconds integer NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by character varying NOT NULL
);
CREATE TABLE public.session_totals (
    source character varying CONSTRAINT session_totals_source_not_null1 NOT NULL,
    status character varying(16) CONSTRAINT session_totals_status_not_null1 NOT NULL,
    sessions bigint CONSTRAINT session_totals_sessions_not_null1 NOT NULL,
    duration_ms bigint CONSTRAINT session_totals_duration_ms_not_null1 NOT NULL,
    slot integer NOT NULL
);
CREATE TABLE public.snapshots (
    round_number integer NOT NULL,
    content character varying NOT NULL,
    content_hash character varying NOT NULL,
    entries integer NOT NULL,
    public integer NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.sync_sessions (
    id character varying NOT NULL,
    source character varying NOT NULL,
    account_id character varying,
    trigger character varying(16) NOT NULL,
    mode character varying(16) NOT NULL,
    status character varying(16) NOT NULL,
    reason character varying,
    started_at timestamp with time zone NOT NULL,
    completed_at timestamp with time zone,
    total_pages integer,
    pages_processed integer NOT NULL,
    items_processed integer NOT NULL,
    items_created integer NOT NULL,
    items_updated integer NOT NULL,
    items_deleted integer NOT NULL,
    items_unchanged integer NOT NULL,
    items_rejected integer NOT NULL,
    requests integer NOT NULL,
    retry_count integer NOT NULL,
    error_type character varying,
    error_message character varying,
    retry_at timestamp with time zone,
    flow_run_id character varying,
    scheduled_for timestamp with time zone,
    held boolean DEFAULT false NOT NULL,
    result_no bigint
);
CREATE TABLE public.tweets (
    id character varying NOT NULL COLLATE pg_catalog."C",
    author_id character varying NOT NULL,
    text character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    edit_history_tweet_ids jsonb,
    raw_fingerprint bytea NOT NULL,
    fingerprint bytea NOT NULL,
    synced_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.audit_log ALTER COLUMN id SET DEFAULT nextval('public.audit_log_id_seq'::regclass);
ALTER TABLE ONLY public.rejects ALTER COLUMN id SET DEFAULT nextval('public.rejects_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0013');
INSERT INTO public.audit_log VALUES (1, '2026-01-02 03:21:30+00', 'ann', 'hold.create', 'wallets', '{"id":"hold-2"}');
INSERT INTO public.breakers VALUES ('products', 3, 'closed', 1, 2, 0, 0, 1767322840000000, 0, 0);
INSERT INTO public.budgets VALUES ('erp', 12, 1767322850000000, '\x0000000000000000', 1, 1, 0, 0, 7, 1767322860000000, 2, 0, 1767322851000000, 0, 1, 1, 1, 5, 6, 0);
INSERT INTO public.checkpoints VALUES ('products', '', '2026-01-02T03:00:00+00:00', '2026-01-02 03:00:00+00', '{"mode":"full","started_at":"2026-01-02T03:20:00Z"}', '2026-01-02 03:20:50+00', '2026-01-02 03:00:00+00', '["7"]', NULL);
INSERT INTO public.checkpoints VALUES ('wallets', 'acc_1', 'token', NULL, NULL, '2026-01-02 03:00:00+00', NULL, NULL, '{"passes":1,"sample":["1"],"gone":1}');
INSERT INTO public.customers VALUES ('c-1', 1, 'ACME', NULL, NULL, 'a@example.com', NULL, NULL, NULL, NULL, NULL, 'DE', 100.50, true, '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', '\x000102030405060708090a0b0c0d0e0f', '\x000102030405060708090a0b0c0d0e0f', '2026-01-02 03:00:30+00');
INSERT INTO public.entries VALUES ('100', '100', 1, 'u1', '2026-01-02 02:00:00+00', '2026-01-02 03:00:30+00', 'valid', NULL, NULL, NULL);
INSERT INTO public.heartbeats VALUES ('products', '2026-01-02 03:20:00+00', '2026-01-02 03:20:50+00', 60000, 2, 0, NULL, NULL);
INSERT INTO public.heartbeats VALUES ('wallets', '2026-01-02 03:22:00+00', '2026-01-02 03:22:00+00', NULL, 0, 2, 'paused: stocktaking', '2026-01-02 04:00:00+00');
INSERT INTO public.holds VALUES ('hold-1', '*', NULL, 'maintenance', 'ann', '2026-01-01 00:00:00+00', '2026-01-01 01:00:00+00', NULL, NULL);
INSERT INTO public.holds VALUES ('hold-2', 'wallets', 'acc_2', 'stocktaking', 'ann', '2026-01-02 03:21:30+00', '2026-01-02 04:00:00+00', NULL, NULL);
INSERT INTO public.holds VALUES ('hold-3', 'products', NULL, 'erp refused the credentials', 'syncline', '2026-01-01 00:00:00+00', NULL, '2026-01-01 02:00:00+00', 'digest');
INSERT INTO public.leases VALUES ('source:products', 'products-sync-3', 7, '2026-01-02 03:21:00+00', 'box', 'boot pid:[1]', 4711, 99, 'products-sync-4');
INSERT INTO public.leases VALUES ('source:wallets:acc_1', 'wallets-sync-1', 1, '2026-01-02 03:22:00+00', 'box', 'boot pid:[1]', 4712, 100, NULL);
INSERT INTO public.leases VALUES ('source:wallets:acc:2', 'wallets-sync-2', 3, '2026-01-02 03:22:00+00', 'box', 'boot pid:[1]', -4713, 101, NULL);
INSERT INTO public.listing_decisions VALUES ('quests', 'q-1', 'live', '\x000102030405060708090a0b0c0d0e0f', NULL, 'ann', '2026-01-02 03:00:40+00');
INSERT INTO public.listings VALUES ('quests', 'q-1', 'Quest', NULL, NULL, NULL, NULL, NULL, NULL, 1.5, NULL, NULL, NULL, NULL, '{"a": 1}', 'pending', '\x000102030405060708090a0b0c0d0e0f', '\x000102030405060708090a0b0c0d0e0f', '2026-01-02 03:00:30+00');
INSERT INTO public.pass_keys VALUES ('products', '', '1', false, 1);
INSERT INTO public.pass_keys VALUES ('products', '', '2', true, 2);
INSERT INTO public.pass_keys VALUES ('wallets', 'acc_1', 'k', false, 1);
INSERT INTO public.products VALUES (1, 'A-1', 'Größe', NULL, 'c', NULL, 1.25, 'EUR', 3, NULL, 10, true, '["a"]', NULL, '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', '\x000102030405060708090a0b0c0d0e0f', '\x000102030405060708090a0b0c0d0e0f', '2026-01-02 03:00:30+00');
INSERT INTO public.queued_runs VALUES ('products-sync-4', 'source:products', '2026-01-02 03:20:30+00', '2026-01-02 03:21:30+00', 'box', 'boot pid:[1]', 4714, 102);
INSERT INTO public.queued_runs VALUES ('wallets-sync-3', 'source:wallets:acc_1', '2026-01-02 03:21:30+00', '2026-01-02 03:30:00+00', '', '', 0, 0);
INSERT INTO public.rejects VALUES (1, 'products', '', 'd1', '5', 'price: not a number', '{"id":5}', '2026-01-01 00:00:00+00', '2026-01-02 03:20:10+00', 3, 'products-sync-3');
INSERT INTO public.rejects VALUES (2, 'wallets', 'acc_1', 'd2', NULL, 'no key', '{}', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', 1, 'wallets-sync-1');
INSERT INTO public.rounds VALUES (1, 'open', '2026-01-02 00:00:00+00', NULL, NULL, NULL, NULL, 0, NULL, NULL);
INSERT INTO public.schedule_overrides VALUES ('products', 600, '2026-01-01 00:00:00+00', 'ann');
INSERT INTO public.session_totals VALUES ('products', 'completed', 1, 60000, 0);
INSERT INTO public.session_totals VALUES ('products', 'missed', 3, 0, 0);
INSERT INTO public.session_totals VALUES ('wallets', 'deferred', 1, 0, 0);
INSERT INTO public.snapshots VALUES (0, '{}', 'hash', 0, 0, '2026-01-01 00:00:00+00');
INSERT INTO public.sync_sessions VALUES ('products-sync-1', 'products', NULL, 'schedule', 'full', 'completed', NULL, '2026-01-02 03:00:00+00', '2026-01-02 03:01:00+00', 4, 4, 400, 400, 0, 0, 0, 0, 4, 0, NULL, NULL, NULL, 'run-1', '2026-01-02 03:00:00+00', false, 1);
INSERT INTO public.sync_sessions VALUES ('products-sync-2', 'products', NULL, 'schedule', 'incremental', 'missed', '3 ticks: why', '2026-01-02 03:05:00+00', '2026-01-02 03:05:00+00', NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, '2026-01-02 03:05:00+00', false, 2);
INSERT INTO public.sync_sessions VALUES ('products-sync-3', 'products', NULL, 'manual', 'full', 'running', NULL, '2026-01-02 03:20:00+00', NULL, 4, 2, 200, 0, 10, 0, 190, 1, 2, 1, 'UpstreamError', 'timeout', NULL, 'run-3', NULL, false, NULL);
INSERT INTO public.sync_sessions VALUES ('wallets-sync-1', 'wallets', 'acc_1', 'api', 'incremental', 'running', NULL, '2026-01-02 03:21:00+00', NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, false, NULL);
INSERT INTO public.sync_sessions VALUES ('wallets-sync-2', 'wallets', 'acc_2', 'schedule', 'incremental', 'deferred', 'paused: stocktaking', '2026-01-02 03:22:00+00', '2026-01-02 03:22:00+00', NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, '2026-01-02 04:00:00+00', 'run-4', '2026-01-02 03:22:00+00', true, 3);
INSERT INTO public.tweets VALUES ('100', 'u1', 'hello', '2026-01-02 02:00:00+00', '["100"]', '\x000102030405060708090a0b0c0d0e0f', '\x000102030405060708090a0b0c0d0e0f', '2026-01-02 03:00:30+00');
SELECT pg_catalog.setval('public.audit_log_id_seq', 1, true);
SELECT pg_catalog.setval('public.rejects_id_seq', 2, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.breakers
    ADD CONSTRAINT breakers_pkey PRIMARY KEY (source);
ALTER TABLE ONLY public.budgets
    ADD CONSTRAINT budgets_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (source, account_id);
ALTER TABLE ONLY public.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.entries
    ADD CONSTRAINT entries_first_tweet_id_key UNIQUE (first_tweet_id);
ALTER TABLE ONLY public.entries
    ADD CONSTRAINT entries_pkey PRIMARY KEY (tweet_id);
ALTER TABLE ONLY public.heartbeats
    ADD CONSTRAINT heartbeats_pkey PRIMARY KEY (source);
ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.listing_decisions
    ADD CONSTRAINT listing_decisions_pkey PRIMARY KEY (source, external_id);
ALTER TABLE ONLY public.listings
    ADD CONSTRAINT listings_pkey PRIMARY KEY (source, external_id);
ALTER TABLE ONLY public.pass_keys
    ADD CONSTRAINT pass_keys_pkey PRIMARY KEY (source, account_id, key);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.queued_runs
    ADD CONSTRAINT queued_runs_pkey PRIMARY KEY (session_id);
ALTER TABLE ONLY public.rejects
    ADD CONSTRAINT rejects_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.rounds
    ADD CONSTRAINT rounds_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.schedule_overrides
    ADD CONSTRAINT schedule_overrides_pkey PRIMARY KEY (source);
ALTER TABLE ONLY public.session_totals
    ADD CONSTRAINT session_totals_pkey1 PRIMARY KEY (source, status, slot);
ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (round_number);
ALTER TABLE ONLY public.sync_sessions
    ADD CONSTRAINT sync_sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.tweets
    ADD CONSTRAINT tweets_pkey PRIMARY KEY (id);
CREATE INDEX ix_audit_log_at ON public.audit_log USING btree (at);
CREATE INDEX ix_customers_email ON public.customers USING btree (email);
CREATE INDEX ix_entries_checked ON public.entries USING btree (round_number, checked_at);
CREATE INDEX ix_entries_created ON public.entries USING btree (round_number, created_at);
CREATE INDEX ix_entries_entered_at ON public.entries USING btree (entered_at);
CREATE INDEX ix_entries_final ON public.entries USING btree (round_number, final_check_at, tweet_id);
CREATE INDEX ix_holds_source ON public.holds USING btree (source, released_at);
CREATE INDEX ix_listings_status ON public.listings USING btree (status, source, external_id);
CREATE INDEX ix_products_sku ON public.products USING btree (sku);
CREATE INDEX ix_queued_runs_lease ON public.queued_runs USING btree (lease, tick);
CREATE UNIQUE INDEX ix_rejects_item ON public.rejects USING btree (source, account_id, item, reason);
CREATE INDEX ix_rejects_last_seen ON public.rejects USING btree (source, last_seen);
CREATE INDEX ix_rejects_session_id ON public.rejects USING btree (session_id);
CREATE INDEX ix_sync_sessions_flow_run_id ON public.sync_sessions USING btree (flow_run_id);
CREATE UNIQUE INDEX ix_sync_sessions_result_no ON public.sync_sessions USING btree (result_no);
CREATE INDEX ix_sync_sessions_source ON public.sync_sessions USING btree (source, started_at);
CREATE INDEX ix_sync_sessions_source_status ON public.sync_sessions USING btree (source, status, started_at);
CREATE INDEX ix_sync_sessions_started_at ON public.sync_sessions USING btree (started_at);
CREATE INDEX ix_sync_sessions_status ON public.sync_sessions USING btree (status, started_at);
CREATE INDEX ix_tweets_synced_at ON public.tweets USING btree (synced_at);
CREATE TRIGGER snapshots_stay BEFORE DELETE OR UPDATE ON public.snapshots FOR EACH ROW EXECUTE FUNCTION public.refuse_snapshot_change();
CREATE TRIGGER snapshots_stay_all BEFORE TRUNCATE ON public.snapshots FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_snapshot_change();
