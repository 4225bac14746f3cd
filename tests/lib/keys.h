/* Keys for tests alone, made for nothing else: private in PEM, public in PEM and as JWK. */
#ifndef GANNET_TESTS_KEYS_H
#define GANNET_TESTS_KEYS_H

static const char key_rsa_private[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCpP4kVl4IU8o9f\n"
    "ccnACx5jX+4xfFPpH7y3/yWZUBte4C2Aq6t5pFR5PHKVZUzOQO5dsGO8PwamvQzx\n"
    "jFdrce4k25HwYumRSmQN6M1pAYj+/+D4u/Ebzb9YofnDOarWMz5QkL/B9TMmGjaK\n"
    "hsfqxmg5Hc3Hp2rvnlfhW9PNViTBXspzcme7hPOfCKOIO5gPt+SS3guTR0S12Cqu\n"
    "sAxiCAyAlN1xiRta09f3CouwvOdH+sx66kdTUFa+sXoeT5vNP2ig2eh9ihe/3BiR\n"
    "1lvBwvjQCLWtKWsIYG+QHeDDPnxOMwPvLGkkRR3ffLL27FjI3w2dCjjXlICYzW0S\n"
    "MPxPosoPAgMBAAECggEAAyaPortDTKiHSruPieerFSaABKPP3BMfLD2vsX7wQ3/g\n"
    "2PhZJNaOTAN4DpfoKh7DUTMraCG0Of5i80wthG6GhGEiAluVBYNhAXFIAaBpsHWK\n"
    "9pZpEp9t5HR/dcbpCzvA+Tb4mt+5qAfs4/9GUXSIFCgd4I2ZTASilitjcfscjAzz\n"
    "7wGYpeEOT7f3FPTbMQjhLs8u1pto8F4oqCwI2k8SIvpeRf3US6RwrhBRvcPS/sAU\n"
    "VBJh6PllaWXpw8OtDXEOJNjnSS7znCiME0Gy+rLPdopbOOzxi8kWKAElnO/5CsB5\n"
    "U4oMXCU7j+VLNa2bE4/EIWJnq/+zHKHHPHJU5U1dQQKBgQDWfE/jf2AEmQqihlSD\n"
    "vx7M4EliATVhobqF+vS7J+OaNsJiV7TljIVcVakyX7esWmFWBe/s8uzM9EudJDt9\n"
    "B/5LdG1C+W2IHwXjwHHxt5m/mYv14cMb4H4u/1VzTVPbykf5Dv5dZ/DX5Hmyvk0l\n"
    "PPD4RW/j3bsdKnPbIvX+g+t/BwKBgQDKAbmry1CKI7sbrE1yw5LAeJbVriLE6KjC\n"
    "bevIwvi1AYhbIVyLHDYTBrszG9AxJ7VauhMeFCdxs+CVR9XWWjcg+JW/GQubkNsx\n"
    "gHFf4lYYMeinmq7QQwedgPtJxVJKVJjFNRW52+Pc02II1JGdDxxP2tkPpTUQRDIm\n"
    "CBTwcW6SuQKBgHDy5d8XpKjHLyKHOtpmOwII2pwRptrTIDaOAXLNfr4nOBYxucFo\n"
    "TpJhSciNP1wz/C4g0kglZS5JN8h43Brrqq5xkVhDobqdG6zkGxz/YqfTZDEHwodb\n"
    "oRd+vrEJd6+2xlAR5UGrCtmmJ7BJJrcFcKBNcK6+hVrGkFxF/OUa81jhAoGAeI2V\n"
    "B8A7HWV7eWVXhwDOKI0OvxC/8TFD3VyKFPK+SA9VF8WOG/rHDo261CJqGZuv8CgR\n"
    "1qaCb6nAgnYvWE/YjJWtkDDbK4jENwOHJYjGhoPqa3O1ldYaylU6IelfVbqsvSwT\n"
    "/ioLDzMbU1fAWrG03LcnSN34D/AS2X2DOYcITQkCgYAkIvqvuwtwm7tSYy9NJjfm\n"
    "YvJ2eZdqmtfI4G8xEEXeTRXC5z70kZTSaVuNUSXnUGw6A+/nBTCTZJ+CZeUgwPVE\n"
    "snzySK/J3K5I/d2XLPa90b0zjueWdGu0szrFv/eHmlmrZSBohzOZFSQ4S3YCJHNK\n"
    "Tpu/hrwA2Lacm1z0qsjlGg==\n"
    "-----END PRIVATE KEY-----\n";
static const char key_rsa_public[] __attribute__((unused)) =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqT+JFZeCFPKPX3HJwAse\n"
    "Y1/uMXxT6R+8t/8lmVAbXuAtgKureaRUeTxylWVMzkDuXbBjvD8Gpr0M8YxXa3Hu\n"
    "JNuR8GLpkUpkDejNaQGI/v/g+LvxG82/WKH5wzmq1jM+UJC/wfUzJho2iobH6sZo\n"
    "OR3Nx6dq755X4VvTzVYkwV7Kc3Jnu4TznwijiDuYD7fkkt4Lk0dEtdgqrrAMYggM\n"
    "gJTdcYkbWtPX9wqLsLznR/rMeupHU1BWvrF6Hk+bzT9ooNnofYoXv9wYkdZbwcL4\n"
    "0Ai1rSlrCGBvkB3gwz58TjMD7yxpJEUd33yy9uxYyN8NnQo415SAmM1tEjD8T6LK\n"
    "DwIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
static const char key_rsa_jwk[] __attribute__((unused)) =
    "{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"rsa-1\",\"n\":\"qT-JFZeCFPKPX3HJwAseY1_uMXxT6R-8t_8lmVAbXuAtgKureaRUeTxylWVMzkDuXbBjvD8Gpr0M8YxXa3HuJNuR8GLpkUpkDejNaQGI_v_g-LvxG82_WKH5wzmq1jM-UJC_wfUzJho2iobH6sZoOR3Nx6dq755X4VvTzVYkwV7Kc3Jnu4TznwijiDuYD7fkkt4Lk0dEtdgqrrAMYggMgJTdcYkbWtPX9wqLsLznR_rMeupHU1BWvrF6Hk-bzT9ooNnofYoXv9wYkdZbwcL40Ai1rSlrCGBvkB3gwz58TjMD7yxpJEUd33yy9uxYyN8NnQo415SAmM1tEjD8T6LKDw\",\"e\":\"AQAB\"}";
static const char key_ec_private[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgehdffBetWAr0Q45B\n"
    "YNp5SgrKs3tQa9cABu76dAHoeNKhRANCAASZIXU02p1S5x3y6wd0fUR8HsImFmpW\n"
    "tmR1H3ntXIZxGoR4WNI4ZQzFybXZZVwF2IgHUMEM+9Igc9275nuVbSrB\n"
    "-----END PRIVATE KEY-----\n";
static const char key_ec_public[] __attribute__((unused)) =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmSF1NNqdUucd8usHdH1EfB7CJhZq\n"
    "VrZkdR957VyGcRqEeFjSOGUMxcm12WVcBdiIB1DBDPvSIHPdu+Z7lW0qwQ==\n"
    "-----END PUBLIC KEY-----\n";
static const char key_ec_jwk[] __attribute__((unused)) =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"ec-1\",\"x\":\"mSF1NNqdUucd8usHdH1EfB7CJhZqVrZkdR957VyGcRo\",\"y\":\"hHhY0jhlDMXJtdllXAXYiAdQwQz70iBz3bvme5VtKsE\"}";
static const char key_ed_private[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIGN+hp441ERdIDx3k7utvtlJDogKzV57y5JZeMlGiojn\n"
    "-----END PRIVATE KEY-----\n";
static const char key_ed_public[] __attribute__((unused)) =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAgqgiXqzxuPiZspY6aVo86sPYkyEfIhAoJUc+ObsRdug=\n"
    "-----END PUBLIC KEY-----\n";
static const char key_ed_jwk[] __attribute__((unused)) =
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"ed-1\",\"x\":\"gqgiXqzxuPiZspY6aVo86sPYkyEfIhAoJUc-ObsRdug\"}";
/* RSA of 1024 bits. */
static const char key_weak_public[] __attribute__((unused)) =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCmmuv2HxEnYgLH3vkhGKJlP0db\n"
    "b+26XSY8u8cOde6nPFvRA7PZKEmfwtb74PbnpItz5KVUDVYqAZIrHi9dL8xsYrT/\n"
    "1DPZ5ptS+vnEXCry8Z1HIWk+vvTQU8bSjbMHAH9Vl/Gu+QyXk4oIlGmUhnshp0zu\n"
    "HoG2Lt6PvmcVbLV9oQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
static const char key_secret[] __attribute__((unused)) = "a secret for tests of 43 characters, no more";

#endif
