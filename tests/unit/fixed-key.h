/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An RSA-2048 key for tests alone, and what was computed from it without the
 * code under test: the padding by RFC 8017 section 7.1.1 in big integers.
 */
#ifndef CMK_TEST_FIXED_KEY_H
#define CMK_TEST_FIXED_KEY_H

#define FIXED_PEM \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MIIEvwIBADANBgkqhkiG9w0BAQEFAASCBKkwggSlAgEAAoIBAQC3V3JNyW5Kth+o\n" \
	"kW3cODR4jzRTdXoegApBwbugedqd1LHLOHHSRAgXue8RqdJRPhROvJfeKDpUVICB\n" \
	"s/9NIqZ/ia4TsfIsIqN9LRVjuuAq0pitzpZLofQ/tgiOrxjcRap4OOMmxrB59KMH\n" \
	"CQqKiz6HRg7xrOdpGZ5ANWbbpLVuNFmw35SeAQmE5Dy8x5wtdi9xSE75COd+waCx\n" \
	"Q4F6rKd4KcwBlZP+nhw+Acw358va4HmzuWXA6uysztwL+w8s5ET2KXmKnIxOXoqf\n" \
	"vHrXmDWYUJDt7j9encaR47TmKc5Q0j5JqwoILwhq63+Nc9tfO5FJWdMJu4KzQ8xb\n" \
	"NUZP+SLpAgMBAAECggEACknLUaNlL6bY77MKfs4+HopNscXAvrOpb691DZAs9Qil\n" \
	"mf1uwLF94UP3Lw7wLQwuZE03ufkYrdkIlY6x28SfIn7JwJPunqyqbzivj7dBw1Fq\n" \
	"TS2PuEqMK+OVhxk7DEhSBLlPgOJrLorMd7V5jJT8AygKqGPvH/IWs+xzO03auwZ3\n" \
	"WFZVA54ClVkbaPHxMEjgOJcFQ0raLeCFIkiQMZ+z0Eng12MJR2cVVxyGZAprYstN\n" \
	"Wd7gubaCIyHheiiYvxbSkpX375eU4L5MnqZiWUDqeTeuxXOjsOtxaI5pHmPfCqOH\n" \
	"NDR7p1zLThkIx5qoeB0lkjw0xenT3cnU3TJuGhpQoQKBgQDu1m5IsUyEorgt+jbx\n" \
	"FRa1VZvaBF5y0uKcD78545jTdAMiuMDIfefPP+6SxjQEuFcmDQUW9VF6UmXuFaeo\n" \
	"4h+1J8q2TdgBE//mKgqtFSzFtftyynx5XAcZAA8BtdW1QuLRxdO4QUTh9BAuiCY4\n" \
	"o0B1zYccoGHNSMUKQeTdNadRyQKBgQDEhCGNFU/xzp/e+BIgDPGWmTLgJqWIZgnP\n" \
	"ZsuoYPQ/N2oLJYeudBid6wmTFH12Ab7j7qpP4qZyt6+sAzdGZc56h3pjPaL8Mzav\n" \
	"4RyGX5S55YGbq8X95ychikpu7ri90ilQz7QAi0VlwZF6M/AMZqXvZw9Z4fOhy5Zo\n" \
	"BXjeODbYIQKBgQCI3454TlNht7cBcmHGK6XF6ffVK6fM+howAb4/OLW+iL+7SFID\n" \
	"FFSiqyrYJoptIg+fmNqP26sEBPCxTuu0l1JAiTtc2qOtin6esv1HT9lGvRILKQvI\n" \
	"qPrQUv5GpqSAqoI+YbcB4zXMoAgeApyU3Mn2OQDzYN5rvQZe6IB2XWc0MQKBgQDE\n" \
	"QJRlGfiZqtj7ylAHlAWceWhWdCHyAr0fVDBk+lZR35xWf2dt8GE5LCWGrfrRY9Lo\n" \
	"PEv3tYi2nfyhUyDbfAZlVXEDNOXU6axenvhmtYOI1svF1BjJhRQOKdZFzL/QSdaa\n" \
	"7qJ7vJpUkaggG0hKiiSC3jB1efJeDTwqq/RWMFuNIQKBgQC92XqxGLogF4qncQ+o\n" \
	"kwnoAMBEnr5FIDLUkVRa8FY35OFxmyBncRdgR6Hylu5XV8yDIZK91lndmUSEVL44\n" \
	"0FwQOGEOdn1PBPImykOYOHZ4SD8yBosON6eGEVi8XAvlqme67MPHbz6BtGkEoInC\n" \
	"xBzKg6DsWTg+BEDMIfkMYcZs/A==\n" \
	"-----END PRIVATE KEY-----\n"

/* base64url, as in a JWK */
#define FIXED_N \
	"t1dyTcluSrYfqJFt3Dg0eI80U3V6HoAKQcG7oHnandSxyzhx0kQIF7nvEanSUT4U" \
	"TryX3ig6VFSAgbP_TSKmf4muE7HyLCKjfS0VY7rgKtKYrc6WS6H0P7YIjq8Y3EWq" \
	"eDjjJsawefSjBwkKios-h0YO8aznaRmeQDVm26S1bjRZsN-" \
	"UngEJhOQ8vMecLXYvcUhO-QjnfsGgsUOBeqyneCnMAZWT_p4cPgHMN-fL2uB5s7l" \
	"lwOrsrM7cC_sPLORE9il5ipyMTl6Kn7x615g1mFCQ7e4_Xp3GkeO05inOUNI-" \
	"SasKCC8Iaut_jXPbXzuRSVnTCbuCs0PMWzVGT_ki6Q"

#define FIXED_E "AQAB"

/* SHA-256 of the DER SubjectPublicKeyInfo */
#define FIXED_THUMBPRINT \
	"d6ac3f9adb3b7be64efbc7f84197dc619e72aaa653b90cfc4a84a78519e31a8a"

/* RSA-OAEP-256 of the 64 bytes a0, a1, ..., df */
#define FIXED_BLOB \
	"af5533e57bcb6d4312d8aa2c624b65f72190e995a78992ff3ae1019653e795cb" \
	"842f1e39f7cb59767307de6769fa4e10f85901eee53372dffd85f7e4233f1945" \
	"e19a57b952c2213947881d2f960048849e1c0fa11ba2f5f1ac9c853f890146dd" \
	"1c9a4e45449d914a55382dd31a26fe7854adf655a7cb076731ee35fcabc496f0" \
	"156857cddea4036ebefd3c909c16b7fdca7968e605c5a5a98fdca62a8f04eac2" \
	"33a42b9e129a43b2f7044da6eec3537736f22322d7bdbf7111dfff1251a90cde" \
	"fb66d08201839f5de4a94f804e9df0f37ed2f4b93d998271fb7a513dd77ef69c" \
	"509311a2eb0b3e95a5bbb02a453c770924e7786f56ec4a84b739d91c9178c4ba"

#endif
