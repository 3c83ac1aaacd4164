// SPDX-License-Identifier: GPL-2.0
/*
 * Compares an answer with a fixture that describes its form: the members are
 * exactly those of the fixture ("name?" may be absent), and each value is of
 * the type or matches the pattern that the fixture gives.
 */
"use strict";

const types = {
	boolean: (v) => typeof v === "boolean",
	string: (v) => typeof v === "string",
	// all numbers of the service are integers, dates are Unix seconds
	integer: (v) => Number.isInteger(v),
	date: (v) => Number.isInteger(v) && v > 946684800 && v < 32535216001,
	null: (v) => v === null,
	tags: (v) => typeof v === "object" && v !== null &&
		     Object.values(v).every((t) => typeof t === "string"),
};

function check(shape, value, path, errors)
{
	if (typeof shape === "string" && shape.startsWith("^")) {
		if (typeof value !== "string" || !new RegExp(shape).test(value))
			errors.push(`${path}: ${JSON.stringify(value)} is not ${shape}`);
	} else if (typeof shape === "string") {
		if (!(shape in types))
			throw new Error(`${path}: no type ${shape} in fixtures`);
		if (!types[shape](value))
			errors.push(`${path}: ${JSON.stringify(value)} is not ${shape}`);
	} else if (Array.isArray(shape)) {
		if (!Array.isArray(value))
			errors.push(`${path}: not an array`);
		else
			value.forEach((v, i) =>
				check(shape[0], v, `${path}[${i}]`, errors));
	} else {
		members(shape, value, path, errors);
	}
}

function members(shape, value, path, errors)
{
	if (typeof value !== "object" || value === null) {
		errors.push(`${path}: not an object`);
		return;
	}
	const known = new Set();

	for (const [key, sub] of Object.entries(shape)) {
		const name = key.replace(/\?$/, "");

		known.add(name);
		if (name in value)
			check(sub, value[name], `${path}.${name}`, errors);
		else if (name === key)
			errors.push(`${path}.${name}: missing`);
	}
	for (const name of Object.keys(value)) {
		if (!known.has(name))
			errors.push(`${path}.${name}: the service has no such member`);
	}
}

/*
 * exchange: {status, headers, body}; returns what differs.  The headers of the
 * fixture must be there; others may be.
 */
function differences(fixture, exchange)
{
	const errors = [];

	if (exchange.status !== fixture.status)
		errors.push(`status: ${exchange.status}, not ${fixture.status}`);
	for (const [name, shape] of Object.entries(fixture.headers || {})) {
		const value = exchange.headers[name];

		if (value === undefined)
			errors.push(`header ${name}: missing`);
		else
			check(shape, value, `header ${name}`, errors);
	}
	if (fixture.body === undefined) {
		if (exchange.body)
			errors.push("body: not empty");
	} else {
		check(fixture.body, exchange.body, "body", errors);
	}
	return errors;
}

module.exports = { differences };
