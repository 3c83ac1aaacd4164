// SPDX-License-Identifier: GPL-2.0
/*
 * Drives kvemu with the unmodified Azure SDK, one case a run, and compares the
 * answers as they came over the wire with the fixtures.
 *
 * usage: node sdk.js CASE VAULT-URL TOKEN-FILE KVEMU FOLDER
 */
"use strict";

const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { execFileSync } = require("node:child_process");
const { KeyClient, CryptographyClient } = require("@azure/keyvault-keys");
const { differences } = require("./shape.js");

const [, , name, url, tokenFile, kvemu, folder] = process.argv;
const secret = crypto.randomBytes(32);

/* Every exchange of the SDK with the vault, in order. */
const exchanges = [];

const recorder = {
	name: "recorder",
	async sendRequest(request, next) {
		const response = await next(request);
		const text = response.bodyAsText || "";

		exchanges.push({
			method: request.method,
			url: request.url,
			status: response.status,
			headers: response.headers.toJSON(),
			body: text && JSON.parse(text),
		});
		return response;
	},
};

const asked = [];
const credential = {
	async getToken(scopes, options) {
		asked.push({ scopes: [scopes].flat(), tenant: options.tenantId });
		return {
			token: fs.readFileSync(tokenFile, "utf8"),
			expiresOnTimestamp: Date.now() + 3000 * 1000,
		};
	},
};

/* The host is not under the audience's domain here; the rest is as usual. */
function options(more)
{
	return {
		disableChallengeResourceVerification: true,
		serviceVersion: "7.4",
		retryOptions: { maxRetries: 0 },
		additionalPolicies: [{ policy: recorder, position: "perRetry" }],
		...more,
	};
}

const client = new KeyClient(url, credential, options());
const quick = { intervalInMs: 100 };

function cryptography(key)
{
	return new CryptographyClient(key, credential, options());
}

function ctl(...words)
{
	execFileSync(kvemu, ["ctl", "--dir", folder, ...words]);
}

/* The last exchange must have the form of the fixture. */
function looksLike(fixture, exchange = exchanges.at(-1))
{
	const file = path.join(__dirname, "fixtures", `${fixture}.json`);

	const found = differences(JSON.parse(fs.readFileSync(file)), exchange);

	assert.ok(!found.length, `not like ${fixture}:\n${found.join("\n")}`);
}

async function refused(promise, status, code, inner)
{
	let error;

	try {
		await promise;
	} catch (e) {
		error = e;
	}
	assert.ok(error, "the SDK reported success");
	assert.equal(error.statusCode, status, String(error));
	assert.equal(error.code, code);
	assert.equal(error.details?.error?.innerError?.code, inner);
	return error;
}

const cases = {
	async create()
	{
		const exp = new Date("2050-01-01T00:00:01Z");
		const nbf = new Date("2040-01-01T00:00:01Z");
		const key = await client.createRsaKey("sdk", {
			keySize: 3072, expiresOn: exp, notBefore: nbf,
			tags: { key: "value" },
		});

		looksLike("challenge", exchanges[0]);
		looksLike("key");
		assert.equal(exchanges.length, 2);
		assert.deepEqual(asked[0].scopes,
				 ["https://vault.azure.net/.default"]);
		assert.match(asked[0].tenant, /^[0-9a-f-]{36}$/);
		assert.equal(key.name, "sdk");
		assert.equal(key.keyType, "RSA");
		assert.equal(key.key.n.length, 384);
		assert.equal(key.properties.expiresOn.getTime(), exp.getTime());
		assert.equal(key.properties.notBefore.getTime(), nbf.getTime());
		assert.deepEqual(key.properties.tags, { key: "value" });
		assert.equal(key.properties.recoveryLevel, "Recoverable");
	},

	async get()
	{
		const first = await client.createKey("sdk", "RSA");
		const second = await client.createKey("sdk", "RSA");
		const newest = await client.getKey("sdk");

		looksLike("key");
		assert.equal(newest.id, second.id);
		assert.notEqual(first.id, second.id);
		const old = await client.getKey("sdk", {
			version: first.properties.version,
		});
		assert.deepEqual(old.key.n, first.key.n);
	},

	async versions()
	{
		const made = [];

		for (let i = 0; i < 3; i++)
			made.push((await client.createKey("sdk", "RSA")).id);
		exchanges.length = 0;
		const seen = [];
		const pages = client.listPropertiesOfKeyVersions("sdk")
			.byPage({ maxPageSize: 2 });

		for await (const page of pages)
			seen.push(...page.map((p) => p.id));
		looksLike("versions-page", exchanges.at(-2));
		looksLike("versions-last-page");
		assert.deepEqual(seen, made.sort());
	},

	/*
	 * The SDK encrypts with RSA-OAEP and RSA1_5 itself, by the public key
	 * that it was given; RSA-OAEP-256 is the vault's work.
	 */
	async wrap()
	{
		const key = await client.createKey("sdk", "RSA");
		const crypt = cryptography(key);

		for (const alg of ["RSA-OAEP", "RSA-OAEP-256", "RSA1_5"]) {
			const wrapped = await crypt.wrapKey(alg, secret);
			const back = await crypt.unwrapKey(alg, wrapped.result);

			looksLike("operation");
			assert.deepEqual(Buffer.from(back.result), secret);
		}
		assert.ok(exchanges.some((x) => /\/wrapkey\?/i.test(x.url)));
	},

	/* A second implementation must be able to wrap for the vault's key. */
	async oracle()
	{
		const key = await client.createKey("sdk", "RSA");
		const pub = crypto.createPublicKey({ format: "jwk", key: {
			kty: "RSA",
			n: Buffer.from(key.key.n).toString("base64url"),
			e: Buffer.from(key.key.e).toString("base64url"),
		} });

		for (const [alg, oaepHash] of [["RSA-OAEP", "sha1"],
					       ["RSA-OAEP-256", "sha256"]]) {
			const blob = crypto.publicEncrypt({
				key: pub, oaepHash,
				padding: crypto.constants.RSA_PKCS1_OAEP_PADDING,
			}, secret);
			const back = await cryptography(key).unwrapKey(alg, blob);

			assert.deepEqual(Buffer.from(back.result), secret);
		}
	},

	async encrypt()
	{
		const crypt = cryptography(await client.createKey("sdk", "RSA"));
		const sent = await crypt.encrypt("RSA-OAEP-256", secret);
		const back = await crypt.decrypt("RSA-OAEP-256", sent.result);

		looksLike("operation");
		assert.deepEqual(Buffer.from(back.result), secret);
	},

	async import()
	{
		const pair = crypto.generateKeyPairSync("rsa", {
			modulusLength: 2048,
		});
		const jwk = pair.privateKey.export({ format: "jwk" });
		const raw = {};

		for (const [member, text] of Object.entries(jwk))
			raw[member] = member === "kty" ? text :
				Buffer.from(text, "base64url");
		const key = await client.importKey("sdk", raw);

		looksLike("key");
		/* A leading zero byte, as the service answers. */
		assert.equal(key.key.n.length, 257);
		const blob = crypto.publicEncrypt({
			key: pair.publicKey, oaepHash: "sha256",
			padding: crypto.constants.RSA_PKCS1_OAEP_PADDING,
		}, secret);
		const back = await cryptography(key).unwrapKey("RSA-OAEP-256",
							       blob);
		assert.deepEqual(Buffer.from(back.result), secret);
	},

	async disable()
	{
		const key = await client.createKey("sdk", "RSA");
		const crypt = cryptography(key);
		const wrapped = await crypt.wrapKey("RSA-OAEP-256", secret);
		const off = await client.updateKeyProperties("sdk", {
			enabled: false,
		});

		looksLike("key");
		assert.equal(off.properties.enabled, false);
		assert.equal((await client.getKey("sdk")).properties.enabled,
			     false);
		await refused(cryptography(key.id).unwrapKey("RSA-OAEP-256",
							     wrapped.result),
			      403, "Forbidden", "KeyDisabled");
		looksLike("key-disabled");
		await client.updateKeyProperties("sdk", { enabled: true });
		const back = await crypt.unwrapKey("RSA-OAEP-256",
						   wrapped.result);
		assert.deepEqual(Buffer.from(back.result), secret);
	},

	async delete()
	{
		const key = await client.createKey("sdk", "RSA");
		const wrapped = await cryptography(key).wrapKey("RSA-OAEP-256",
								secret);

		ctl("switch", "consistency-delay", "300");
		exchanges.length = 0;
		const poller = await client.beginDeleteKey("sdk", quick);
		const gone = await poller.pollUntilDone();

		looksLike("deleted-key");
		looksLike("deleted-key-not-found",
			  exchanges.find((x) => x.status === 404));
		assert.ok(gone.properties.scheduledPurgeDate > new Date());
		await refused(client.getKey("sdk"), 404, "KeyNotFound");
		looksLike("key-not-found");
		await refused(cryptography(key.id).unwrapKey("RSA-OAEP-256",
							     wrapped.result),
			      404, "KeyNotFound");
		await refused(client.createKey("sdk", "RSA"), 409, "Conflict",
			      "ObjectIsDeletedButRecoverable");
		looksLike("deleted-but-recoverable");
	},

	async recover()
	{
		const key = await client.createKey("sdk", "RSA");
		const wrapped = await cryptography(key).wrapKey("RSA-OAEP-256",
								secret);

		ctl("switch", "consistency-delay", "300");
		await (await client.beginDeleteKey("sdk", quick)).pollUntilDone();
		const poller = await client.beginRecoverDeletedKey("sdk", quick);
		const back = await poller.pollUntilDone();

		looksLike("key");
		assert.equal(back.id, key.id);
		const plain = await cryptography(key).unwrapKey("RSA-OAEP-256",
								wrapped.result);
		assert.deepEqual(Buffer.from(plain.result), secret);
	},

	async purge()
	{
		await client.createKey("sdk", "RSA");
		await (await client.beginDeleteKey("sdk", quick)).pollUntilDone();
		await refused(client.purgeDeletedKey("sdk"), 403, "Forbidden");
		ctl("switch", "purge-protection", "off");
		await client.purgeDeletedKey("sdk");
		looksLike("purged");
		await refused(client.getDeletedKey("sdk"), 404, "KeyNotFound");
		looksLike("deleted-key-not-found");
		await client.createKey("sdk", "RSA");
	},

	async rotate()
	{
		const key = await client.createKey("sdk", "RSA");
		const wrapped = await cryptography(key).wrapKey("RSA-OAEP-256",
								secret);

		await client.getKeyRotationPolicy("sdk");
		looksLike("rotation-policy-default");
		const policy = await client.updateKeyRotationPolicy("sdk", {
			expiresIn: "P90D",
			lifetimeActions: [{ action: "Rotate",
					    timeAfterCreate: "P30D" }],
		});
		looksLike("rotation-policy");
		assert.deepEqual(policy.lifetimeActions.map((a) => a.action),
				 ["Rotate", "Notify"]);
		await client.getKeyRotationPolicy("sdk");
		looksLike("rotation-policy");

		const next = await client.rotateKey("sdk");
		looksLike("key");
		assert.notEqual(next.id, key.id);
		assert.equal(next.properties.expiresOn - next.properties.createdOn,
			     90 * 86400 * 1000);
		const back = await cryptography(key).unwrapKey("RSA-OAEP-256",
							       wrapped.result);
		assert.deepEqual(Buffer.from(back.result), secret);
		await refused(client.rotateKey("none"), 404, "KeyNotFound");
	},

	async missing()
	{
		await refused(client.getKey("none"), 404, "KeyNotFound");
		looksLike("key-not-found");
		await refused(client.getDeletedKey("none"), 404, "KeyNotFound");
		looksLike("deleted-key-not-found");
		await refused(client.createKey("bad_name", "RSA"), 400,
			      "BadParameter");
		looksLike("invalid-name");
	},

	async forbidden()
	{
		await client.createKey("sdk", "RSA");
		ctl("deny", "admin", "get");
		await refused(client.getKey("sdk"), 403, "Forbidden",
			      "ForbiddenByPolicy");
		looksLike("forbidden-by-policy");
	},

	async throttled()
	{
		await client.createKey("sdk", "RSA");
		ctl("switch", "throttle", "on");
		await refused(client.getKey("sdk"), 429, "Throttled");
		looksLike("throttled");
		assert.equal(exchanges.at(-1).headers["retry-after"], undefined);

		ctl("switch", "throttle", "1");
		ctl("switch", "retry-after", "1");
		const patient = new KeyClient(url, credential, options({
			retryOptions: { maxRetries: 1 },
		}));
		const before = Date.now();

		await patient.getKey("sdk");
		assert.ok(Date.now() - before > 900);
	},

	/* Without serviceVersion the SDK uses the newest one that it knows. */
	async newest()
	{
		const newest = new KeyClient(url, credential,
					     options({ serviceVersion: undefined }));

		await newest.createKey("sdk", "RSA");
		assert.doesNotMatch(exchanges.at(-1).url, /version=7\.4/);
		looksLike("key");
	},
};

cases[name]().catch((error) => {
	console.error(error);
	process.exit(1);
});
